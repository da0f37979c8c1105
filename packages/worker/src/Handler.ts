/**
 * Handlers: what is done when a run is allowed. A handler gets its decoded payload and a context, and what it returns or
 * fails with says what happens next.
 *
 * Contract sections 3 and 8.
 */
import {
  type AnyOperation,
  type Catalogue,
  type Operation,
  type OperationType,
  type RunFailure,
  unstorable
} from "@countersign/domain"
import { Cause, Effect, Result, Schema } from "effect"
import { AttemptFailed } from "./AttemptFailed.ts"
import type { HandlerContext } from "./HandlerContext.ts"
import { oneLine } from "./oneLine.ts"

/** Return this when some of the work went well and some did not. */
export class PartialSuccess<Value> {
  readonly value: Value
  readonly failures: readonly [RunFailure, ...ReadonlyArray<RunFailure>]
  constructor(value: Value, failures: readonly [RunFailure, ...ReadonlyArray<RunFailure>]) {
    this.value = value
    this.failures = failures
  }
}

/** Does the work of one attempt. */
export type Handle<Payload, Value, E, R> = (
  payload: Payload,
  context: HandlerContext
) => Effect.Effect<Value | PartialSuccess<Value>, E, R>

/** What one attempt came to, with its result as JSON; still without counts and time. */
export type Handled =
  | { readonly _tag: "Done"; readonly result: Schema.Json | null }
  | {
      readonly _tag: "PartlyDone"
      readonly result: Schema.Json | null
      readonly failures: readonly [RunFailure, ...ReadonlyArray<RunFailure>]
    }
  | {
      readonly _tag: "Broken"
      readonly failure: RunFailure
      readonly retry: boolean
      /** When the handler said so; null leaves it to the operation's back-off. */
      readonly retryAfterMillis: number | null
    }

/** A handler whose payload and result types are closed over: JSON in, {@link Handled} out, and it never fails. */
export interface Handler<R = never> {
  readonly operation: AnyOperation
  readonly handle: (payload: Schema.Json, context: HandlerContext) => Effect.Effect<Handled, never, R>
}

const broken = (code: string, message: string, retry: boolean): Handled => ({
  _tag: "Broken",
  failure: { code, message },
  retry,
  retryAfterMillis: null
})

const INVALID_PAYLOAD = broken(
  "payload.invalid",
  "The operation's input no longer fits what the operation expects.",
  false
)
const INVALID_RESULT = broken("handler.invalid_result", "The operation ended with a result nobody understands.", false)

/** The longest message and code of a failure that are kept. */
const MESSAGE_MAX_LENGTH = 500
const CODE_MAX_LENGTH = 100

/** A failure as it may be stored and shown. */
const presentable = ({ code, message }: RunFailure): RunFailure => ({
  code: oneLine(code, CODE_MAX_LENGTH) || "handler.failed",
  message: oneLine(message, MESSAGE_MAX_LENGTH)
})

/** How many failures of a partial success are kept. */
export const FAILURES_MAX = 20

const brokenAs = (error: AttemptFailed): Handled => ({
  _tag: "Broken",
  failure: presentable(error),
  retry: error.retry,
  retryAfterMillis: error.retryAfterMillis ?? null
})

/**
 * Registers what to do for an operation.
 *
 * **Gotchas**
 *
 * A result is stored with its run: keep it small, and store what is large elsewhere. One that is larger than the worker's
 * `resultMaxBytes` (64 KiB of JSON unless given) is left out: the work is done, so the run has partially succeeded, without a result, and
 * with `handler.result_too_large` among its failures. It is not tried again.
 */
const make = <Payload, Value, E, R>(
  operation: Operation<Payload, Value>,
  handle: Handle<Payload, Value, E, R>
): Handler<R> => {
  const decodePayload = Schema.decodeUnknownResult(Schema.toCodecJson(operation.payload))
  const encodeResult = resultEncoder(operation)

  const settled = (returned: Value | PartialSuccess<Value>): Handled => {
    const partly = returned instanceof PartialSuccess
    const encoded = encodeResult(partly ? returned.value : returned)
    if (Result.isFailure(encoded) || unstorable(encoded.success) !== null) return INVALID_RESULT
    const result = encoded.success
    if (!partly) return { _tag: "Done", result }
    const [first, ...others] = returned.failures
    // Callers without types may have named none.
    if (first === undefined) return INVALID_RESULT
    return {
      _tag: "PartlyDone",
      result,
      failures: [presentable(first), ...others.slice(0, FAILURES_MAX - 1).map(presentable)]
    }
  }

  // The work is done: a result that cannot even be read must not have it done again.
  const settledSomehow = (returned: Value | PartialSuccess<Value>): Handled =>
    Result.getOrElse(
      Result.try(() => settled(returned)),
      () => INVALID_RESULT
    )

  return {
    operation,
    handle: (json, context) =>
      Effect.suspend(() => {
        const payload = decodePayload(json)
        return Result.isSuccess(payload)
          ? Effect.map(handle(payload.success, context), settledSomehow)
          : // Why it does not would quote the payload.
            Effect.as(Effect.logWarning("payload does not decode"), INVALID_PAYLOAD)
      }).pipe(Effect.catchCause(brokenBy))
  }
}

/** What a handler that did not return came to: it failed, died, or interrupted itself. */
const brokenBy = (cause: Cause.Cause<unknown>): Effect.Effect<Handled> => {
  const error = Cause.findError(cause)
  if (Result.isFailure(error)) {
    return Effect.as(
      Effect.logError("handler died", cause),
      broken("handler.died", "The operation broke off unexpectedly.", true)
    )
  }
  return error.success instanceof AttemptFailed
    ? Effect.succeed(brokenAs(error.success))
    : Effect.as(
        Effect.logWarning("handler failed", error.success),
        broken("handler.failed", "The operation ran into an error.", true)
      )
}

/** A result as JSON; nothing at all (`undefined`) is stored as null. */
const resultEncoder = <Payload, Value>(operation: Operation<Payload, Value>) => {
  const codec = Schema.toCodecJson(operation.result)
  const encode = Schema.encodeUnknownResult(codec)
  return (value: unknown): Result.Result<Schema.Json | null, Schema.SchemaError> =>
    Result.map(encode(value), (json) => json ?? null)
}

/**
 * Every handler of a process, by operation type. Throws when two are registered for one operation, or one for an operation that the
 * catalogue does not have: all of its runs would be denied.
 */
export const handlersByType = <R>(
  handlers: ReadonlyArray<Handler<R>>,
  { operations }: Catalogue
): ReadonlyMap<OperationType, Handler<R>> => {
  const byType = new Map<OperationType, Handler<R>>()
  for (const handler of handlers) {
    const { type } = handler.operation
    if (byType.has(type)) throw new RangeError(`two handlers are registered for operation ${type}`)
    if (!operations.has(type)) {
      throw new RangeError(`there is a handler for ${type}, but it is not among the operations: declare it there too`)
    }
    byType.set(type, handler)
  }
  return byType
}

export const Handler = { make }
