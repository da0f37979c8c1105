/** Subscriptions for people. */
import type { SubscriptionStatus, Tone } from "@countersign/domain"
import { countInWords, inUtc } from "./words.ts"

/** Whether something is wrong with it: its receiver is gone, or has not taken what was last sent. */
export const isInTrouble = ({ endedAtMillis, failures }: SubscriptionStatus): boolean =>
  endedAtMillis !== null || failures > 0

/** How a subscription fares, with its tone; what waits was counted up to `countedMax`. */
export const faringOf = (status: SubscriptionStatus, countedMax: number): readonly [string, Tone] => {
  const { endedAtMillis, pausedUntilMillis, failures, lastProblem, pending } = status
  const why = lastProblem ?? "no reason given"
  const waiting = `${countInWords(pending, countedMax)} to be delivered`
  if (endedAtMillis !== null) return [`ended: ${why}`, "danger"]
  if (failures > 0) {
    const often = failures === 1 ? "once" : `${failures} times`
    const again = pausedUntilMillis === null ? "" : `, again at ${inUtc(pausedUntilMillis)}`
    return [`failed ${often}, ${waiting}${again}: ${why}`, "warning"]
  }
  return [pending === 0 ? "in order" : waiting, "neutral"]
}
