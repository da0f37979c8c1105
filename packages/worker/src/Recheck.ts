/**
 * Re-check while running: the same decision again, about a run that has started. Denied, the run ends as blocked with the
 * counts it had reached; allowed, the decision is recorded and the work goes on.
 *
 * Contract sections 3 and 8; law `every_decision_is_audited`.
 */
import {
  type Catalogue,
  type Counts,
  DecisionId,
  type Facts,
  type FactsUnavailable,
  Fence,
  type RunNotFound,
  type Running,
  RunStore,
  type RunUnreadable,
  recheckStep,
  type Snapshot,
  type StoreUnavailable,
  UnitOfWork
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { readFacts } from "./FactsReader.ts"

/** What a re-check found. `undecided`: the workspace's authority is being changed right now; ask again. */
export type Rechecked = "allowed" | "revoked" | "moved_on" | "undecided"

/** The ports a re-check of a running run needs. */
export type RecheckPorts = UnitOfWork | RunStore | Fence | Facts | SecureRandom.SecureRandom

/** Decides again about a run this worker holds. If the facts cannot be read there is no decision, and nothing is written. */
export const recheck = (
  running: Running,
  counts: Counts,
  catalogue: Catalogue
): Effect.Effect<Rechecked, StoreUnavailable | FactsUnavailable | RunNotFound | RunUnreadable, RecheckPorts> =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(decideAgain(running, counts, catalogue)))

const decideAgain = Effect.fnUntraced(function* (running: Running, counts: Counts, catalogue: Catalogue) {
  const store = yield* RunStore
  const { subject, id } = running.dispatch
  const stored = yield* store.hold(id)
  if (stored._tag !== "Running" || stored.admission !== running.admission) return "moved_on"

  const fence = yield* Fence
  const epochs = yield* fence.take(new Set([subject.scope.workspaceId]))
  const epoch = epochs.get(subject.scope.workspaceId)
  if (epoch === undefined) return "undecided"

  const requirements = catalogue.requirementsOf(subject.operationType)
  const [reading] = yield* readFacts([{ subject, requirements }])
  if (reading === undefined) return "undecided"

  const snapshot: Snapshot = {
    takenAtMillis: yield* Clock.currentTimeMillis,
    subject: stored.dispatch.subject,
    requirements,
    facts: reading.facts
  }
  const random = yield* SecureRandom.SecureRandom
  const decisionId = DecisionId.make(yield* random.uuidV7())
  const circumstances = { decisionId, epoch: reading.fenced ? epoch : null, sources: reading.sources }
  // The run was just read as running under this admission and is held: a refusal here would be a bug of ours.
  const next = yield* Effect.orDie(Effect.fromResult(recheckStep(stored, snapshot, counts, circumstances)))
  const refused = yield* store.write([next], null)
  if (refused.length > 0) return "moved_on"
  return next.after._tag === "Blocked" ? "revoked" : "allowed"
})
