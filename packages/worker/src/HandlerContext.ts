/**
 * What a handler knows of its run, and what it may ask while it works.
 *
 * Contract sections 3 and 8.
 */
import {
  type Catalogue,
  Counts,
  initiatorOf,
  type OperationType,
  type ProviderConnectionId,
  type RunId,
  type TenantId,
  type UserId,
  type WorkspaceId
} from "@countersign/domain"
import { Context, Deferred, Effect, Option, Schema } from "effect"
import { AttemptFailed } from "./AttemptFailed.ts"
import { untilDone } from "./Perpetual.ts"
import { type RecheckPorts, recheck } from "./Recheck.ts"
import type { Work } from "./WorkInHand.ts"

/** The run a handler works on, and what the handler may ask (contract, sections 3 and 8). */
export interface HandlerContext {
  readonly runId: RunId
  readonly operationType: OperationType
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId | null
  readonly providerConnectionId: ProviderConnectionId | null
  /** The person who started the run; null for a system run. */
  readonly initiator: UserId | null
  /** Counts from 1. */
  readonly attempt: number
  /**
   * Asks again, between two chunks of work, whether the run is still legitimate. If it is not, the run ends as blocked with
   * the counts reported so far, and the handler is interrupted here. If the facts cannot be read it waits and asks again:
   * it never goes on without an answer.
   *
   * **Gotchas**
   *
   * Not to be called inside a transaction of the handler's own: what is decided there would be undone with it. Inside a chunk it
   * asks nothing: that is asked when the chunk is over.
   */
  readonly checkpoint: Effect.Effect<void>
  /**
   * Does one chunk of work that must not be broken off. While it lasts nothing interrupts the handler; the question whether
   * the run is still legitimate is asked right after it, with the counts it reported.
   */
  readonly chunk: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Replaces the counts that are kept with the run, such as `{ deleted: 120 }`. Cheap: they are stored once in a while, and
   * when the run ends. Fails for a name the operation does not declare (`countKeys`) and for what is no whole number, and
   * that attempt is the last one.
   */
  readonly reportCounts: (counts: Counts) => Effect.Effect<void, AttemptFailed>
}

/** How long to wait before asking again where there was no answer yet, in milliseconds. */
const UNDECIDED_MILLIS = 50

const isCounts = Schema.is(Counts)

/** The context of one run in hand. Most handlers ask for nothing: what asking takes is made when they do. */
export const makeHandlerContext = (
  work: Work,
  catalogue: Catalogue,
  ports: Context.Context<RecheckPorts>
): HandlerContext => {
  const { dispatch, attempt } = work.run
  const { authority, operationType, scope } = dispatch.subject
  const checkpoint = Effect.flatMap(CurrentChunk, (current) =>
    current !== null && current.work === work && !current.isOver
      ? Effect.void
      : withoutTheHeartbeat(work, askAgain(work, catalogue, ports))
  )
  return {
    runId: dispatch.id,
    operationType,
    workspaceId: scope.workspaceId,
    tenantId: scope.tenantId,
    providerConnectionId: scope.providerConnectionId,
    initiator: initiatorOf(authority),
    attempt,
    checkpoint,
    chunk: (chunk) => Effect.tap(inChunk(work, Effect.uninterruptible(chunk)), () => checkpoint),
    reportCounts: (counts) =>
      Effect.suspend(() => {
        const problem = countsProblem(counts, catalogue.operations.get(operationType)?.countKeys ?? [])
        if (problem !== null) {
          return Effect.fail(new AttemptFailed({ code: "handler.invalid_counts", message: problem, retry: false }))
        }
        // A copy: the handler may go on counting in its own.
        work.counts = { ...counts }
        return Effect.void
      })
  }
}

/** Asks until there is an answer, and goes on only if that allows it. */
const askAgain = (work: Work, catalogue: Catalogue, ports: Context.Context<RecheckPorts>): Effect.Effect<void> =>
  untilDone(
    "asking again",
    Effect.provide(
      Effect.suspend(() => recheck(work, catalogue)),
      ports
    )
  ).pipe(
    Effect.flatMap((answer) => {
      switch (answer) {
        case "allowed":
          return Effect.void
        case "undecided":
          return Effect.andThen(betweenChunks(work), askAgain(work, catalogue, ports))
        case "revoked":
        case "moved_on":
          // Ending the work interrupts the handler; until it is, it must not take another step.
          return Effect.andThen(Deferred.succeed(work.ended, answer), Effect.never)
      }
    })
  )

/** While this lasts, the heartbeat does not ask about the work. */
const withoutTheHeartbeat = <A, E, R>(work: Work, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      work.reasonsNotToAsk += 1
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        work.reasonsNotToAsk -= 1
      })
  )

/** The chunk that whoever asks is in, of whatever work; what it began in the background may outlast it. */
const CurrentChunk = Context.Reference<{ readonly work: Work; isOver: boolean } | null>(
  "@countersign/worker/CurrentChunk",
  { defaultValue: () => null }
)

/**
 * While this lasts, the run is not blocked by a question asked beside it, and the heartbeat does not ask. What is denied already, and
 * perhaps just being blocked, begins nothing: it waits until another decision allows it.
 */
const inChunk = <A, E, R>(work: Work, chunk: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      if (work.isDenied) return null
      work.chunks += 1
      work.reasonsNotToAsk += 1
      return { work, isOver: false }
    }),
    (current) =>
      current === null ? Effect.succeedNone : Effect.asSome(Effect.provideService(chunk, CurrentChunk, current)),
    (current) =>
      Effect.sync(() => {
        if (current === null) return
        current.isOver = true
        work.chunks -= 1
        work.reasonsNotToAsk -= 1
      })
  ).pipe(
    Effect.flatMap(
      Option.match({
        onSome: (value) => Effect.succeed(value),
        onNone: () =>
          Effect.andThen(
            Effect.sleep(UNDECIDED_MILLIS),
            Effect.suspend(() => inChunk(work, chunk))
          )
      })
    )
  )

/** Waits a moment, and on until no chunk is in progress. */
const betweenChunks = (work: Work): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sleep(UNDECIDED_MILLIS),
    Effect.suspend(() => (work.chunks === 0 ? Effect.void : betweenChunks(work)))
  )

/** Why these counts are not kept, for people; null when they are. */
const countsProblem = (counts: Counts, countKeys: ReadonlyArray<string>): string | null => {
  if (!isCounts(counts)) return "The operation reported counts that are not whole numbers."
  return Object.keys(counts).every((key) => countKeys.includes(key))
    ? null
    : "The operation reported a count that it does not declare."
}
