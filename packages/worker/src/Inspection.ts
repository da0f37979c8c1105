/**
 * Looking into a run: what it is, what was decided about it, and why it would start or not right now.
 *
 * Contract sections 4, 5 and 9.
 */
import {
  AuditLog,
  type AuditRecord,
  type Catalogue,
  type DecisionRecord,
  type Explanation,
  explain,
  type Facts,
  type FactsUnavailable,
  isCompleted,
  type Run,
  type RunId,
  type RunNotFound,
  RunStore,
  type RunUnreadable,
  type StoreUnavailable
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { readFacts } from "./FactsReader.ts"
import { type WatchedRun, watchRun } from "./Watching.ts"

/** A run with everything recorded about it, and how it gets on. */
export interface InspectedRun extends WatchedRun {
  readonly decisions: ReadonlyArray<DecisionRecord>
  readonly audit: ReadonlyArray<AuditRecord>
}

/** An explanation and what it rests on: the facts of this moment, or those of the last decision of a completed run. */
export interface ExplainedRun {
  readonly run: Run
  readonly basis: "facts_of_now" | "last_decision"
  /** Null for a completed run about which nothing was ever decided, such as one cancelled while queued. */
  readonly explanation: Explanation | null
  readonly takenAtMillis: number | null
}

type Troubles = RunNotFound | RunUnreadable | StoreUnavailable

/** The run with its decisions and audit records, oldest first, and how it gets on at this moment. */
export const inspectRun = Effect.fn("inspectRun")(function* (
  id: RunId
): Effect.fn.Return<InspectedRun, Troubles, RunStore | AuditLog> {
  const store = yield* RunStore
  const log = yield* AuditLog
  const run = yield* store.find(id)
  const watched = yield* watchRun(run)
  return { ...watched, decisions: yield* log.decisionsOf(id), audit: yield* log.recordsOf(id) }
})

/**
 * Explains a run: an active one from the facts of this moment, a completed one from what its last decision saw. Reads without
 * a fence and decides nothing: the answer may be old the moment it is given.
 */
export const explainRun = Effect.fn("explainRun")(function* (
  id: RunId,
  catalogue: Catalogue
): Effect.fn.Return<ExplainedRun, Troubles | FactsUnavailable, RunStore | AuditLog | Facts> {
  const store = yield* RunStore
  const run = yield* store.find(id)
  return isCompleted(run) ? yield* fromLastDecision(run) : yield* fromFactsOfNow(run, catalogue)
})

const fromLastDecision = Effect.fnUntraced(function* (run: Run) {
  const log = yield* AuditLog
  const last = (yield* log.decisionsOf(run.dispatch.id)).at(-1)
  return {
    run,
    basis: "last_decision" as const,
    explanation: last === undefined ? null : explain(last.snapshot),
    takenAtMillis: last === undefined ? null : last.decidedAtMillis
  }
})

const fromFactsOfNow = Effect.fnUntraced(function* (run: Run, catalogue: Catalogue) {
  const { subject } = run.dispatch
  const requirements = catalogue.requirementsOf(subject.operationType)
  const [reading] = yield* readFacts([{ subject, requirements }])
  const takenAtMillis = yield* Clock.currentTimeMillis
  return {
    run,
    basis: "facts_of_now" as const,
    explanation: reading === undefined ? null : explain({ takenAtMillis, subject, requirements, facts: reading.facts }),
    takenAtMillis
  }
})
