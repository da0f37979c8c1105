/**
 * What a withdrawal of authority would mean for everything that is queued now, and for what is scheduled. Reads runs page by page and
 * facts once for each distinct question; decides by the domain's `impactOf` and writes nothing.
 *
 * Contract sections 3 and 4.
 */
import {
  type Catalogue,
  type Facts,
  type FactsUnavailable,
  type Impact,
  type ImpactKind,
  impactOf,
  RunId,
  RunStore,
  type RunUnreadable,
  type Schedules,
  type SharedSubjects,
  type Snapshot,
  type StoreUnavailable,
  type Subject,
  WAITING_MAX,
  type Waiting,
  type WaitingPage,
  type WaitingRun,
  type Withdrawal
} from "@countersign/domain"
import { Clock, Effect, Option, Schema, Stream } from "effect"
import { reportScheduleImpact, type ScheduleImpactReport } from "./ScheduleImpact.ts"
import { makeSnapshots } from "./Snapshots.ts"

/** Which queued run an impact is about: what tells it apart, never its payload. */
export interface QueuedWork {
  readonly id: RunId
  readonly subject: Subject
  readonly initiatorName: string | null
}

/** What a withdrawal would mean, as of one moment. */
export interface ImpactReport {
  /** Null: as things are. */
  readonly withdrawal: Withdrawal | null
  readonly takenAtMillis: number
  /** How many queued runs there are of each kind; they add up to `queued` with the three below. */
  readonly counts: Readonly<Record<ImpactKind, number>>
  readonly queued: number
  /** Have waited past their limit: they are given up, whatever is withdrawn. */
  readonly expired: number
  /** Of operations that the catalogue does not know: who may run them is not known here. */
  readonly undeclared: number
  /** Rows that make no sense. */
  readonly unreadable: ReadonlyArray<RunUnreadable>
  /** Every run that would not just start, the newest first. */
  readonly affected: ReadonlyArray<Impact<QueuedWork>>
  readonly schedules: ScheduleImpactReport
}

/**
 * Predicts what becomes of the queued runs. Reads without a fence, as `explainRun` does: what changes meanwhile may be told
 * either way, and a run dispatched meanwhile is not told of.
 */
export const reportImpact = Effect.fn("reportImpact")(function* (
  catalogue: Catalogue,
  withdrawal: Withdrawal | null
): Effect.fn.Return<ImpactReport, StoreUnavailable | FactsUnavailable, RunStore | Schedules | Facts> {
  const store = yield* RunStore
  const takenAtMillis = yield* Clock.currentTimeMillis
  const counts: Record<ImpactKind, number> = {
    blocked_now: 0,
    would_be_blocked: 0,
    held_now: 0,
    would_be_held: 0,
    unaffected: 0
  }
  const affected: Array<Impact<QueuedWork>> = []
  const unreadable = new Map<string, RunUnreadable>()
  const snapshots = makeSnapshots(catalogue, takenAtMillis)
  let [runs, expired, undeclared] = [0, 0, 0]
  const takeIn = Effect.fnUntraced(function* (page: WaitingPage) {
    for (const row of page.unreadable) unreadable.set(row.runId, row)
    const known = page.runs.filter((run) => catalogue.operations.has(run.subject.operationType))
    const inTime = known.filter((run) => run.expiresAtMillis > takenAtMillis)
    runs += page.runs.length
    undeclared += page.runs.length - known.length
    expired += known.length - inTime.length
    const asked = yield* snapshots.of(inTime)
    const waiting = asked.map(({ about, snapshot }) => waitingOf(about, snapshot, catalogue))
    for (const impact of impactOf(waiting, withdrawal)) {
      counts[impact.kind] += 1
      if (impact.kind !== "unaffected") affected.push(impact)
    }
  })
  yield* Stream.runForEach(everyPage(store), takeIn)
  const rows = [...unreadable.values()]
  return {
    withdrawal,
    takenAtMillis,
    counts,
    queued: runs + rows.length,
    expired,
    undeclared,
    unreadable: rows,
    affected,
    schedules: yield* reportScheduleImpact(catalogue, withdrawal, snapshots)
  }
})

/** Page after page; while one is taken in, the next is read. */
const everyPage = (store: RunStore["Service"]): Stream.Stream<WaitingPage, StoreUnavailable> => {
  const shared: SharedSubjects = new Map()
  return Stream.paginate<RunId | null, WaitingPage, StoreUnavailable>(null, (before) =>
    Effect.map(store.listWaiting(before, WAITING_MAX, shared), (page) => [[page], Option.fromNullOr(nextBefore(page))])
  ).pipe(Stream.buffer({ capacity: 1 }))
}

const waitingOf = (run: WaitingRun, snapshot: Snapshot, catalogue: Catalogue): Waiting<QueuedWork> => {
  // The snapshot's own subject is equal, and shared: what is told of 100,000 runs shall not keep as many subjects.
  const { subject } = snapshot
  const policy = catalogue.operations.get(subject.operationType)?.hold ?? null
  const about = { id: run.id, subject, initiatorName: run.initiatorName }
  return { about, snapshot, holding: { policy, sinceMillis: run.heldSinceMillis } }
}

const isRunId = Schema.is(RunId)

/** The key of the next page: the oldest id of a full one, be it of a row that makes no sense; null when there is none. */
const nextBefore = ({ runs, unreadable }: WaitingPage): RunId | null => {
  if (runs.length + unreadable.length < WAITING_MAX) return null
  const ids = [...runs.map(({ id }) => id), ...unreadable.map(({ runId }) => runId).filter(isRunId)]
  return ids.reduce<RunId | null>((oldest, id) => (oldest === null || id < oldest ? id : oldest), null)
}
