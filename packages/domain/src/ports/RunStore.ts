/** Port: the canonical record of runs. */
import { Context, type Effect } from "effect"
import type { OperationType, RunId, TenantId, WorkspaceId } from "../Ids.ts"
import type { IllegalTransition } from "../IllegalTransition.ts"
import type { Counts, Queued, Run, Running, RunOutcome, RunStatus } from "../Run.ts"
import type { Subject } from "../Snapshot.ts"
import type { FirstStep, Step } from "../Step.ts"
import type { RunNotFound, RunUnreadable, StoreUnavailable } from "./StoreError.ts"

/** The answer to a dispatch: the run, or the active run of the same identity (`deduped`), whose initiator is unchanged. */
export interface Dispatched {
  readonly run: Run
  readonly deduped: boolean
}

/** Which worker acts on a run, and until when its silence is tolerated. */
export interface Lease {
  readonly holder: string
  readonly untilMillis: number
}

/** A run under one admission, as its worker knows it. */
export interface HeldRun {
  readonly id: RunId
  readonly admission: number
}

/** What the handler of a run has counted so far. */
export interface CountsReport extends HeldRun {
  readonly counts: Counts
}

/** Newest first; every condition is optional and they are joined by *and*. */
export interface RunFilter {
  readonly workspaceId?: WorkspaceId
  readonly tenantId?: TenantId
  readonly operationType?: OperationType
  readonly status?: RunStatus
  readonly outcome?: RunOutcome
  /** Only runs older than this one: the key of the next page. */
  readonly before?: RunId
  /** At most this many, 1 to 1000. */
  readonly limit: number
}

/** What a reading of many runs gives: the runs, and the rows that make no sense. */
export interface RunPage<R extends Run = Run> {
  readonly runs: ReadonlyArray<R>
  readonly unreadable: ReadonlyArray<RunUnreadable>
}

/** A queued run as far as its fate depends on it: no payload, nothing of its past. */
export interface WaitingRun {
  readonly id: RunId
  readonly subject: Subject
  readonly initiatorName: string | null
  readonly expiresAtMillis: number
  /** Since when it is held in a row; null when it is not held. */
  readonly heldSinceMillis: number | null
}

/** Waiting runs, and the rows that make no sense. */
export interface WaitingPage {
  readonly runs: ReadonlyArray<WaitingRun>
  readonly unreadable: ReadonlyArray<RunUnreadable>
}

/**
 * Subjects that several readings share: whoever reads page after page keeps it, so that equal subjects come as one and are made out
 * once. The texts are the store's own.
 */
export type SharedSubjects = Map<string, Subject>

/** The most waiting runs that one reading gives. */
export const WAITING_MAX = 25_000

/** Which completed runs are to go. */
export interface Pruning {
  /** Runs that completed before this go, once their notices are delivered. */
  readonly completedBeforeMillis: number
  /** Runs that completed before this go whether their notices are delivered or not. */
  readonly toldOrNotBeforeMillis: number
  /** Only runs with ids behind this one are looked at; null for all. */
  readonly after: RunId | null
  /** At most so many runs are looked at, in the order of their ids, whether they go or not; 1 to 1000. */
  readonly limit: number
}

/** What went. */
export interface Pruned {
  readonly runs: number
  /** How many of them had a notice that nobody had taken. */
  readonly untold: number
  /** Behind which id to go on; null when there is nothing left to look at. */
  readonly next: RunId | null
}

/** Runs as they are stored. Every write is a step that the lifecycle computed. */
export class RunStore extends Context.Service<
  RunStore,
  {
    /**
     * Stores new runs with their audit records and notices, all of them or none, and wakes workers once that is committed. Answers
     * in the order given. Of several with one identity, in one call or many at once, exactly one is stored while it is active; the
     * others are answered with it. A run whose id is stored already is answered with as it is now, so that a dispatch may
     * be made again when nobody knows how it ended. A run that ends with its dispatch is stored and takes no identity.
     */
    readonly dispatch: (steps: ReadonlyArray<FirstStep>) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>
    readonly find: (id: RunId) => Effect.Effect<Run, RunNotFound | RunUnreadable | StoreUnavailable>
    /** Like `find`, and holds the run against change until the surrounding unit of work ends. */
    readonly hold: (id: RunId) => Effect.Effect<Run, RunNotFound | RunUnreadable | StoreUnavailable>
    readonly list: (filter: RunFilter) => Effect.Effect<RunPage, StoreUnavailable>
    /**
     * Queued runs, held ones included, the newest first: only those older than `before` where it is given, at most `limit`
     * (1 to {@link WAITING_MAX}). For whoever looks at all of them. A store may leave `shared` alone.
     */
    readonly listWaiting: (
      before: RunId | null,
      limit: number,
      shared?: SharedSubjects
    ) => Effect.Effect<WaitingPage, StoreUnavailable>
    /**
     * Compare-and-set of many runs: each step is written whole (state, decision with snapshot, audit, notice) if its run
     * is still in the state, attempt and admission the step leaves, and not at all otherwise. Answers with the refused ones
     * (`changed_meanwhile`); of two steps for one run the first is written and the other refused.
     * `lease` is given to the runs that a step brings to running; every other step takes the lease away, but one whose
     * `after` is its `before` (a re-check that allows): that is recorded, and leaves the run and its lease as they are.
     * A step to running without a recorded allowed decision for that run and admission makes the whole call fail
     * (`rejected`).
     */
    readonly write: (
      steps: ReadonlyArray<Step>,
      lease: Lease | null
    ) => Effect.Effect<ReadonlyArray<IllegalTransition>, StoreUnavailable>
    /** Prolongs the lease of the runs that are still running under that admission and holder; answers which those are. */
    readonly extendLeases: (
      held: ReadonlyArray<HeldRun>,
      lease: Lease
    ) => Effect.Effect<ReadonlySet<RunId>, StoreUnavailable>
    /**
     * When the leases of those of these runs that are running end, in epoch milliseconds; null for one that has none. What is not
     * running is missing from the answer.
     */
    readonly leaseEnds: (
      ids: ReadonlyArray<RunId>
    ) => Effect.Effect<ReadonlyMap<RunId, number | null>, StoreUnavailable>
    /**
     * Holds running runs whose lease ended before `nowMillis`, or that have none; at most `limit`, skipping those held by
     * others.
     */
    readonly holdOrphans: (nowMillis: number, limit: number) => Effect.Effect<RunPage<Running>, StoreUnavailable>
    /**
     * Holds queued runs whose time to wait ended at `nowMillis` or before (`expiresAtMillis`), held ones included, whether
     * they are available or not; at most `limit`, skipping those held by others.
     */
    readonly holdExpired: (nowMillis: number, limit: number) => Effect.Effect<RunPage<Queued>, StoreUnavailable>
    /**
     * Holds those of these runs that are still running under that admission, waiting for whoever holds them; for re-checks.
     * What has moved on is missing from the answer.
     */
    readonly holdRunning: (held: ReadonlyArray<HeldRun>) => Effect.Effect<RunPage<Running>, StoreUnavailable>
    /** Replaces the counts of the runs that are still running under that admission; the others are left alone. */
    readonly saveCounts: (reports: ReadonlyArray<CountsReport>) => Effect.Effect<void, StoreUnavailable>
    /**
     * Deletes completed runs as that says, with their notices and what an inbox of this store keeps of them, skipping what others
     * hold. The audit record, decisions and snapshots stay. Ids begin with the time they were made at, and none later than
     * `completedBeforeMillis` is looked at: what was dispatched after that has not completed before it.
     */
    readonly prune: (pruning: Pruning) => Effect.Effect<Pruned, StoreUnavailable>
  }
>()("@countersign/domain/RunStore") {}
