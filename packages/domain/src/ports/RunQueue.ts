/** Port: which runs wait. By default the run table itself, so that a claim that is not a decision cannot exist. */
import { Context, type Effect, type Stream } from "effect"
import type { Counter } from "../Concurrency.ts"
import type { OperationType, RunId, WorkspaceId } from "../Ids.ts"
import type { Lane } from "../Lane.ts"
import type { Queued } from "../Run.ts"
import type { RunPage } from "./RunStore.ts"
import type { RunUnreadable, StoreUnavailable } from "./StoreError.ts"

/**
 * In which order runs are taken.
 *
 * `oldest`: by priority, then those that could have been taken for longest, among equals the oldest by id. A queue looks at its front
 * only: where too many stand there that this claim may not have, it says so in place of going past all of them.
 *
 * `fair`: from lane to lane, a few runs of each, and on from there next time; within a lane as above. Nobody's flood is gone through
 * to find the runs of somebody else, and no lane is left out for ever.
 */
export type ClaimOrder = "oldest" | "fair"

/** What a worker asks for. */
export interface Claim {
  /** At most this many. */
  readonly limit: number
  readonly order: ClaimOrder
  /** Only operations whose handler is registered here. */
  readonly operationTypes: ReadonlyArray<OperationType>
  /** Only runs available by then; epoch milliseconds. */
  readonly nowMillis: number
  /** Workspaces to pass over for the moment, because their authority is being changed. */
  readonly passOver: ReadonlyArray<WorkspaceId>
  /** Lanes to pass over for the moment, because as many of their runs are at work as may be. */
  readonly fullLanes: ReadonlyArray<Lane>
}

/** What a claim is answered with; runs by id. */
export interface Claimed extends RunPage<Queued> {
  /**
   * True when another claim may find more at once although this one was not filled: in `oldest` order because others stand in front,
   * and the next one should be `fair`; in `fair` order because lanes are left that were not looked at, or not emptied.
   */
  readonly mayHaveMore: boolean
}

/** Which runs wait, in the order in which they are taken. */
export class RunQueue extends Context.Service<
  RunQueue,
  {
    /**
     * Holds the next runs until the surrounding unit of work ends, skipping those held by others and those that are paused when it
     * begins.
     */
    readonly holdNext: (claim: Claim) => Effect.Effect<Claimed, StoreUnavailable>
    /**
     * Holds exactly these, where they are still queued and not paused, each once and whenever they are available: for ids an
     * outside queue delivered.
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
     * The queued runs of these operations that could have been taken at `availableAtMillis` or before and are not paused, those that
     * wait for longest first, at most `limit`; held against nobody. For telling an outside queue again of what it may have lost.
     */
    readonly waitingSince: (
      availableAtMillis: number,
      operationTypes: ReadonlyArray<OperationType>,
      limit: number
    ) => Effect.Effect<ReadonlyArray<RunId>, StoreUnavailable>
    /**
     * Ends rows that make no sense as failed (`run.unreadable`), so that they stop nobody: audited, with a notice where it can be read
     * who is to be told, and with the event `run.failed` where the row names its workspace and its operation. All of it in one unit of
     * work. What has completed is left alone.
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
    /**
     * Takes these counters until the surrounding unit of work ends, so that nobody else brings runs of theirs to running, and answers
     * how many are running now, by `counterKeyOf`. A counter that somebody else has at this moment is missing: its runs must wait.
     */
    readonly takeCounters: (
      counters: ReadonlyArray<Counter>
    ) => Effect.Effect<ReadonlyMap<string, number>, StoreUnavailable>
    /**
     * How many runs of these operations are running, or queued and not paused; zero when a drain has nothing left that it may do.
     */
    readonly countActive: (operationTypes: ReadonlyArray<OperationType>) => Effect.Effect<number, StoreUnavailable>
  }
>()("@countersign/domain/RunQueue") {}
