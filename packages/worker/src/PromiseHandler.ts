/**
 * Handlers for hosts that do not use Effect: an async function, stopped through an `AbortSignal`.
 *
 * Contract section 3.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { Counts, Operation } from "@countersign/domain"
import { type Context, Data, Effect } from "effect"
import { AttemptFailed } from "./AttemptFailed.ts"
import { Handler, type PartialSuccess } from "./Handler.ts"
import type { HandlerContext } from "./HandlerContext.ts"
import { messageOf } from "./messageOf.ts"

/** The handler's context with promises in place of effects. */
export interface PromiseHandlerContext extends Omit<HandlerContext, "checkpoint" | "chunk" | "reportCounts"> {
  /** Aborted when the run must stop: revoked, cancelled, timed out, or given back because the worker stops. */
  readonly signal: AbortSignal
  /**
   * Resolves when the run is still legitimate; otherwise `signal` is aborted and it rejects. Inside a chunk it resolves without asking:
   * that is asked when the chunk is over.
   */
  readonly checkpoint: () => Promise<void>
  /**
   * Does one chunk of work that must not be broken off by a lost authority: that is asked about right after it, with the counts
   * it reported. Resolves with what the work gives when the run is still legitimate.
   */
  readonly chunk: <A>(work: () => Promise<A>) => Promise<A>
  readonly reportCounts: (counts: Counts) => Promise<void>
}

/** The function threw something of its own. */
class Rejected extends Data.TaggedError("Rejected")<{ readonly cause: unknown }> {
  override get message() {
    return messageOf(this.cause)
  }
}

/**
 * Registers an async function for an operation. Throw `AttemptFailed` to say why and whether to retry; anything else
 * that is thrown counts as a failed attempt.
 *
 * **Gotchas**
 *
 * A promise cannot be interrupted: pass `signal` on to what you await. What a function returns after its run was stopped is
 * ignored.
 */
const fromPromise = <Payload, Value>(
  operation: Operation<Payload, Value>,
  handle: (payload: Payload, context: PromiseHandlerContext) => Promise<Value | PartialSuccess<Value>>
): Handler =>
  Handler.make(operation, (payload, { checkpoint, chunk, reportCounts, ...known }) =>
    Effect.contextWith((context: Context.Context<never>) => {
      // What is called inside a chunk has to know that it is: it takes the context of the chunk.
      const inside = new AsyncLocalStorage<Context.Context<never>>()
      const run = <A, E>(effect: Effect.Effect<A, E>, options?: Effect.RunOptions) =>
        quiet(Effect.runPromiseWith(inside.getStore() ?? context)(effect, options))
      return Effect.tryPromise({
        try: (signal) =>
          handle(payload, {
            ...known,
            signal,
            checkpoint: () => run(checkpoint, { signal }),
            chunk: (work) =>
              run(
                chunk(
                  Effect.contextWith((ofChunk: Context.Context<never>) =>
                    Effect.promise(() => inside.run(ofChunk, work))
                  )
                ),
                { signal }
              ),
            reportCounts: (counts) => run(reportCounts(counts))
          }),
        catch: (cause) => (cause instanceof AttemptFailed ? cause : new Rejected({ cause }))
      })
    })
  )

/** The same promise. That nobody waits for it is the handler's affair, and no reason to bring the process down. */
const quiet = <A>(promise: Promise<A>): Promise<A> => {
  promise.catch(() => undefined)
  return promise
}

/** Handlers made of async functions. */
export const PromiseHandler = { fromPromise }
