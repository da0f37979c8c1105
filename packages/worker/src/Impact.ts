/**
 * What a withdrawal of authority would mean for everything that is queued now. Reads runs page by page and facts once for each
 * distinct question; decides by the domain's `impactOf` and writes nothing.
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
  initiatorOf,
  type Queued,
  RunId,
  type RunPage,
  RunStore,
  type RunUnreadable,
  type Snapshot,
  type StoreUnavailable,
  type Subject,
  type Waiting,
  type Withdrawal
} from "@countersign/domain"
import { Clock, Effect, Schema } from "effect"
import { readFacts } from "./FactsReader.ts"

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
}

/** Runs read at once: the most a store lists. */
const PAGE = 1_000
/** Facts asked for at once: about what admissions ask for, so that no source is asked more than it is used to. */
const FACTS_AT_ONCE = 250

/**
 * Predicts what becomes of the queued runs. Reads without a fence, as `explainRun` does: what changes meanwhile may be told
 * either way, and a run dispatched meanwhile is not told of.
 */
export const reportImpact = Effect.fn("reportImpact")(function* (
  catalogue: Catalogue,
  withdrawal: Withdrawal | null
): Effect.fn.Return<ImpactReport, StoreUnavailable | FactsUnavailable, RunStore | Facts> {
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
  const snapshots = new Map<string, Snapshot>()
  let [runs, expired, undeclared] = [0, 0, 0]
  let before: RunId | null = null
  do {
    const page: RunPage = yield* store.list({ status: "queued", limit: PAGE, ...(before === null ? {} : { before }) })
    for (const row of page.unreadable) unreadable.set(row.runId, row)
    const queued = page.runs.filter((run) => run._tag === "Queued")
    const known = queued.filter((run) => catalogue.operations.has(run.dispatch.subject.operationType))
    const inTime = known.filter((run) => run.dispatch.expiresAtMillis > takenAtMillis)
    runs += queued.length
    undeclared += queued.length - known.length
    expired += known.length - inTime.length
    yield* learn(snapshots, inTime, catalogue, takenAtMillis)
    for (const impact of impactOf(waitingOf(inTime, snapshots, catalogue), withdrawal)) {
      counts[impact.kind] += 1
      if (impact.kind !== "unaffected") affected.push(impact)
    }
    before = nextBefore(page)
  } while (before !== null)
  const rows = [...unreadable.values()]
  return {
    withdrawal,
    takenAtMillis,
    counts,
    queued: runs + rows.length,
    expired,
    undeclared,
    unreadable: rows,
    affected
  }
})

/** Runs that ask the same of the same facts. Ids hold no control characters, so no two subjects share a key. */
const keyOf = ({ operationType, authority, scope }: Subject): string =>
  [
    operationType,
    initiatorOf(authority) ?? "",
    scope.workspaceId,
    scope.tenantId ?? "",
    scope.providerConnectionId ?? ""
  ].join("\u0000")

/** Reads the facts of the subjects that are new. */
const learn = Effect.fnUntraced(function* (
  snapshots: Map<string, Snapshot>,
  runs: ReadonlyArray<Queued>,
  catalogue: Catalogue,
  takenAtMillis: number
) {
  const unknown = new Map<string, Subject>()
  for (const { dispatch } of runs) {
    const key = keyOf(dispatch.subject)
    if (!snapshots.has(key)) unknown.set(key, dispatch.subject)
  }
  const asked = Array.from(unknown, ([key, subject]) => ({
    key,
    subject,
    requirements: catalogue.requirementsOf(subject.operationType)
  }))
  for (let from = 0; from < asked.length; from += FACTS_AT_ONCE) {
    const some = asked.slice(from, from + FACTS_AT_ONCE)
    const readings = yield* readFacts(some.map(({ subject, requirements }) => ({ subject, requirements })))
    for (const [index, { facts }] of readings.entries()) {
      const question = some[index]
      if (question === undefined) continue
      const { key, subject, requirements } = question
      snapshots.set(key, { takenAtMillis, subject, requirements, facts })
    }
  }
})

const waitingOf = (
  runs: ReadonlyArray<Queued>,
  snapshots: ReadonlyMap<string, Snapshot>,
  catalogue: Catalogue
): ReadonlyArray<Waiting<QueuedWork>> =>
  runs.flatMap(({ dispatch: { id, subject, initiatorName }, held }) => {
    const snapshot = snapshots.get(keyOf(subject))
    if (snapshot === undefined) return []
    const policy = catalogue.operations.get(subject.operationType)?.hold ?? null
    return [
      {
        about: { id, subject, initiatorName },
        snapshot,
        holding: { policy, sinceMillis: held?.sinceMillis ?? null }
      }
    ]
  })

const isRunId = Schema.is(RunId)

/** The key of the next page: the oldest id of a full one, be it of a row that makes no sense; null when there is none. */
const nextBefore = ({ runs, unreadable }: RunPage): RunId | null => {
  if (runs.length + unreadable.length < PAGE) return null
  const ids = [...runs.map(({ dispatch }) => dispatch.id), ...unreadable.map(({ runId }) => runId).filter(isRunId)]
  return ids.reduce<RunId | null>((oldest, id) => (oldest === null || id < oldest ? id : oldest), null)
}
