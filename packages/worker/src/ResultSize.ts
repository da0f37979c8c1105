/**
 * Results that are too large to be kept. The work is done by then: that it failed would be untrue, and would have somebody do it again;
 * that it succeeded would hide that something is missing. So the run has partially succeeded, without the result, and says why.
 *
 * Contract section 3.
 */
import { RESULT_TOO_LARGE } from "@countersign/domain"
import { FAILURES_MAX, type Handled } from "./Handler.ts"
import { jsonBytes } from "./JsonSize.ts"

/** The same, but a result of more bytes of JSON than that is left out, with `handler.result_too_large` among the failures. */
export const withoutLargeResult = (handled: Handled, maxBytes: number): Handled => {
  if (handled._tag === "Broken" || handled.result === null) return handled
  const bytes = jsonBytes(handled.result)
  if (bytes <= maxBytes) return handled
  const leftOut = {
    code: RESULT_TOO_LARGE,
    message: `The work is done, but its result is not kept: it has ${bytes} bytes of JSON, at most ${maxBytes} are kept.`
  }
  if (handled._tag === "Done") return { _tag: "PartlyDone", result: null, failures: [leftOut] }
  const [first, ...others] = handled.failures
  return { _tag: "PartlyDone", result: null, failures: [first, ...others.slice(0, FAILURES_MAX - 2), leftOut] }
}
