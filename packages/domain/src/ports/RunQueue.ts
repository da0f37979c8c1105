/** Port: which runs wait. By default the run table itself, so that a claim that is not a decision cannot exist. */
import { Context, type Effect, type Stream } from "effect"
import type { OperationType, RunId, WorkspaceId } from "../Ids.ts"
import type { Queued } from "../Run.ts"
import type { RunPage } from "./RunStore.ts"
import type { RunUnreadable, StoreUnavailable } from "./StoreError.ts"

/** What a worker asks for. */
export interface Claim {
  /** At most this many: first those that could have been taken for longest, among equals the oldest by id. */
  readonly limit: number
  /** Only operations whose handler is registered here. */
  readonly operationTypes: ReadonlyArray<OperationType>
  /** Only runs available by then; epoch milliseconds. */
  readonly nowMillis: number
  /** Workspaces to pass over for the moment, because their authority is being changed. */
  readonly passOver: ReadonlyArray<WorkspaceId>
}

/** Which runs wait, in the order in which they are taken. */
export class RunQueue extends Context.Service<
  RunQueue,
  {
    /** Holds the next runs until the surrounding unit of work ends, skipping those held by others; given by id. */
    readonly holdNext: (claim: Claim) => Effect.Effect<RunPage<Queued>, StoreUnavailable>
    /**
     * Holds exactly these, where they are still queued, each once and whenever they are available: for ids an outside queue
     * delivered.
     */
    readonly holdThese: (ids: ReadonlyArray<RunId>) => Effect.Effect<RunPage<Queued>, StoreUnavailable>
    /**
     * Offers queued runs again from then on, their attempt and admission untouched: no decision was made of them. Runs that
     * are not queued any more are left alone.
     */
    readonly postpone: (ids: ReadonlyArray<RunId>, untilMillis: number) => Effect.Effect<void, StoreUnavailable>
    /**
     * Makes held runs available at once if their workspace's authority has changed since they were held (its epoch is another
     * one); answers how many. Called often: it must cost next to nothing while nothing changes.
     */
    readonly offerHeldAgain: (nowMillis: number) => Effect.Effect<number, StoreUnavailable>
    /**
     * Ends rows that make no sense as failed (`run.unreadable`), audited, so that they stop nobody. What has completed is
     * left alone.
     */
    readonly quarantine: (
      unreadable: ReadonlyArray<RunUnreadable>,
      nowMillis: number
    ) => Effect.Effect<void, StoreUnavailable>
    /**
     * An element when work may have arrived since the last one: several arrivals may be told as one, and one told that is
     * none. Polling goes on beside it.
     */
    readonly wakes: Stream.Stream<void, StoreUnavailable>
    /** How many runs of these operations are queued or running; zero when a drain has nothing left to do. */
    readonly countActive: (operationTypes: ReadonlyArray<OperationType>) => Effect.Effect<number, StoreUnavailable>
  }
>()("@countersign/domain/RunQueue") {}
