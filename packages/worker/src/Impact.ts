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
    const asked = inTime.map((run) => ({ run, key: keyOf(run.dispatch.subject) }))
    yield* learn(snapshots, asked, catalogue, takenAtMillis)
    for (const impact of impactOf(waitingOf(asked, snapshots, catalogue), withdrawal)) {
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

/** A run and the key of what it asks. */
interface Asked {
  readonly run: Queued
  readonly key: string
}

/** The same for runs that ask the same of the same facts. Ids are not empty and hold no control characters: no two share a key. */
const keyOf = ({ operationType, authority, scope }: Subject): string =>
  `${operationType}\n${initiatorOf(authority) ?? ""}\n${scope.workspaceId}\n${scope.tenantId ?? ""}\n${scope.providerConnectionId ?? ""}`

/** Reads the facts of what was not asked before. */
const learn = Effect.fnUntraced(function* (
  snapshots: Map<string, Snapshot>,
  asked: ReadonlyArray<Asked>,
  catalogue: Catalogue,
  takenAtMillis: number
) {
  const subjects = new Map<string, Subject>()
  for (const { key, run } of asked) if (!snapshots.has(key)) subjects.set(key, run.dispatch.subject)
  const questions = Array.from(subjects, ([key, subject]) => ({
    key,
    subject,
    requirements: catalogue.requirementsOf(subject.operationType)
  }))
  for (let from = 0; from < questions.length; from += FACTS_AT_ONCE) {
    const some = questions.slice(from, from + FACTS_AT_ONCE)
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
  asked: ReadonlyArray<Asked>,
  snapshots: ReadonlyMap<string, Snapshot>,
  catalogue: Catalogue
): ReadonlyArray<Waiting<QueuedWork>> => {
  const waiting: Array<Waiting<QueuedWork>> = []
  for (const { key, run } of asked) {
    const snapshot = snapshots.get(key)
    if (snapshot === undefined) continue
    const { id, subject, initiatorName } = run.dispatch
    const policy = catalogue.operations.get(subject.operationType)?.hold ?? null
    // The snapshot's own subject is equal, and shared: what is told of 100,000 runs shall not keep as many subjects.
    const about = { id, subject: snapshot.subject, initiatorName }
    waiting.push({ about, snapshot, holding: { policy, sinceMillis: run.held?.sinceMillis ?? null } })
  }
  return waiting
}

const isRunId = Schema.is(RunId)

/** The key of the next page: the oldest id of a full one, be it of a row that makes no sense; null when there is none. */
const nextBefore = ({ runs, unreadable }: RunPage): RunId | null => {
  if (runs.length + unreadable.length < PAGE) return null
  const ids = [...runs.map(({ dispatch }) => dispatch.id), ...unreadable.map(({ runId }) => runId).filter(isRunId)]
  return ids.reduce<RunId | null>((oldest, id) => (oldest === null || id < oldest ? id : oldest), null)
}
