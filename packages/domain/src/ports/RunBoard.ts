/** Port: reading many runs for people who watch. It writes nothing, and what it costs is bounded however many runs there are. */
import { Context, type Effect } from "effect"
import type { ReasonCode } from "../Decision.ts"
import type { Freshness } from "../Freshness.ts"
import type { OperationType, RunId, TenantId, WorkspaceId } from "../Ids.ts"
import type { Run, RunOutcome, RunStatus } from "../Run.ts"
import type { RunIdRange } from "../RunIdRange.ts"
import type { RunNotFound, RunUnreadable, StoreUnavailable } from "./StoreError.ts"

/** What somebody may see: one workspace's own runs, and those of these tenants. */
export interface BoardScope {
  readonly workspaceId: WorkspaceId
  readonly tenants: ReadonlyArray<TenantId>
  /** Only runs of these types; null for all. */
  readonly operationTypes: ReadonlyArray<OperationType> | null
}

/** Every condition is optional, and they are joined by *and*. */
export interface BoardFilter {
  readonly status?: RunStatus
  /** Only queued runs that are held. */
  readonly held?: boolean
  readonly outcome?: RunOutcome
  readonly operationType?: OperationType
  readonly tenantId?: TenantId
  /** Why a run was blocked, or is held. */
  readonly reason?: ReasonCode
  /** As `freshnessOf` has it. */
  readonly freshness?: Freshness
  /** Dispatched in a time, or with an id that begins in some way. */
  readonly ids?: RunIdRange
}

/** One page to be read. */
export interface BoardQuery {
  readonly scope: BoardScope
  readonly filter: BoardFilter
  readonly nowMillis: number
  /** Where the page lies: the newest, those older than a run, or those newer than a run and nearest to it. */
  readonly at: BoardPosition
  /** At most this many, 1 to 200. */
  readonly limit: number
  /** A page may end early when about so many runs were looked at; a following one goes on from there. */
  readonly lookThrough: number
}

/** Where a page lies. */
export type BoardPosition =
  | { readonly _tag: "Newest" }
  | { readonly _tag: "OlderThan"; readonly id: RunId }
  | { readonly _tag: "NewerThan"; readonly id: RunId }

/** A run, and until when the silence of whoever acts on it is tolerated; null when nobody does. */
export interface BoardRun {
  readonly run: Run
  readonly leaseUntilMillis: number | null
}

/** A page, newest first. */
export interface BoardPage {
  readonly runs: ReadonlyArray<BoardRun>
  readonly unreadable: ReadonlyArray<RunUnreadable>
  /** In the direction of reading: where to go on, as the id of `OlderThan` or `NewerThan`; null when nothing is left there. */
  readonly goesOnAt: RunId | null
  /** Whether the page ended because so many were looked at, and not because it is full. */
  readonly isCutShort: boolean
}

/** How many runs are under way. */
export interface ActiveCounts {
  readonly queued: number
  /** Of those queued, how many are held. */
  readonly held: number
  readonly running: number
  /** Whether there are more than were counted. */
  readonly isAtLeast: boolean
}

/** So many runs ended in one way in one stretch of time. */
export interface EndCount {
  /** The beginning of the stretch: a multiple of its length. */
  readonly fromMillis: number
  readonly outcome: RunOutcome
  /** Why they were blocked; null for every other outcome. */
  readonly reason: ReasonCode | null
  readonly count: number
}

/** How runs ended since then. */
export interface RecentEnds {
  /** From when on every end is counted: later than was asked when there were too many. */
  readonly sinceMillis: number
  readonly counts: ReadonlyArray<EndCount>
}

/** Which ends are counted. */
export interface EndsQuery {
  readonly scope: BoardScope
  readonly sinceMillis: number
  /** How long the stretches of time are. */
  readonly stretchMillis: number
  /** At most so many ends are looked at, the latest of them. */
  readonly lookThrough: number
}

/** What pages about runs read. */
export class RunBoard extends Context.Service<
  RunBoard,
  {
    readonly find: (id: RunId) => Effect.Effect<BoardRun, RunNotFound | RunUnreadable | StoreUnavailable>
    /** The pages that follow one another through `goesOnAt` hold every run that matches, once, in the order of ids. */
    readonly page: (query: BoardQuery) => Effect.Effect<BoardPage, StoreUnavailable>
    /** Counts at most about `most` of each kind. */
    readonly active: (scope: BoardScope, most: number) => Effect.Effect<ActiveCounts, StoreUnavailable>
    readonly ends: (query: EndsQuery) => Effect.Effect<RecentEnds, StoreUnavailable>
  }
>()("@countersign/domain/RunBoard") {}
