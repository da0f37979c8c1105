/**
 * Re-check while running: the same decision again, about runs that have started. Denied, a run ends as blocked with the counts
 * it had reached; allowed, the decision is recorded and the work goes on.
 *
 * Contract sections 3 and 8; law `every_decision_is_audited`.
 */
import {
  type Catalogue,
  DecisionId,
  type Facts,
  type FactsReading,
  type FactsUnavailable,
  Fence,
  type RunId,
  type Running,
  RunStore,
  recheckStep,
  type Step,
  type StoreUnavailable,
  UnitOfWork,
  type WorkspaceId
} from "@countersign/domain"
import { Clock, Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { readFacts } from "./FactsReader.ts"
import type { Work } from "./WorkInHand.ts"

/**
 * What a re-check found. `undecided`: the workspace's authority is being changed right now, or the run would be blocked while a chunk of
 * its handler's is not over; ask again.
 */
export type Rechecked = "allowed" | "revoked" | "moved_on" | "undecided"

/** The ports a re-check of a running run needs. */
export type RecheckPorts = UnitOfWork | RunStore | Fence | Facts | SecureRandom.SecureRandom

type Answers = ReadonlyMap<RunId, Rechecked>

/** What was found, and the epoch each decision that was made rests on. */
interface Found {
  readonly answers: Answers
  readonly epochs: ReadonlyMap<Work, number | null>
}

type Recheck<A> = Effect.Effect<A, StoreUnavailable | FactsUnavailable, RecheckPorts>

/** Decides again about a run in hand. If the facts cannot be read there is no decision, and nothing is written. */
export const recheck = (work: Work, catalogue: Catalogue): Recheck<Rechecked> =>
  Effect.map(
    transacted(decideAgain([work], catalogue, () => true)),
    (answers) => answers.get(work.run.dispatch.id) ?? "moved_on"
  )

/**
 * Decides again about those of these works for which something can have changed: their workspace's authority since their last
 * decision, or time itself. For the heartbeat.
 */
export const recheckChanged = (works: ReadonlyArray<Work>, catalogue: Catalogue): Recheck<Answers> =>
  works.length === 0 ? Effect.succeed(NO_ANSWERS) : transacted(decideChanged(works, catalogue))

const NO_ANSWERS: Answers = new Map()
const NOTHING_FOUND: Found = { answers: NO_ANSWERS, epochs: new Map() }

/**
 * Takes note of the epochs only when what was decided is kept: a denial that is undone with its unit of work has to be made
 * again, and would not be if its epoch counted as decided.
 */
const transacted = <E, R>(decision: Effect.Effect<Found, E, R>) =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(decision)).pipe(
    Effect.map(({ answers, epochs }) => {
      for (const [work, epoch] of epochs) work.epoch = epoch
      return answers
    })
  )

const workspaceOf = ({ run }: Work): WorkspaceId => run.dispatch.subject.scope.workspaceId

const decideChanged = Effect.fnUntraced(function* (works: ReadonlyArray<Work>, catalogue: Catalogue) {
  const fence = yield* Fence
  const epochs = yield* fence.take(new Set(works.map(workspaceOf)))
  const changed = works.filter((work) => isDue(work, epochs, catalogue))
  return changed.length === 0
    ? NOTHING_FOUND
    : yield* decideAgain(changed, catalogue, (work) => work.reasonsNotToAsk === 0)
})

/** A write gate grows stale by itself; whatever else changes inside the fence moves the epoch. */
const isDue = (work: Work, epochs: ReadonlyMap<WorkspaceId, number>, catalogue: Catalogue): boolean =>
  work.epoch === null ||
  work.epoch !== epochs.get(workspaceOf(work)) ||
  catalogue.requirementsOf(work.run.dispatch.subject.operationType)?.writes !== false

const decideAgain = Effect.fnUntraced(function* (
  works: ReadonlyArray<Work>,
  catalogue: Catalogue,
  mayBeAsked: (work: Work) => boolean
) {
  const store = yield* RunStore
  const fence = yield* Fence
  const answers = new Map<RunId, Rechecked>(works.map(({ run }) => [run.dispatch.id, "moved_on"]))
  const { runs } = yield* store.holdRunning(works.map(({ run }) => ({ id: run.dispatch.id, admission: run.admission })))
  const byId = new Map(works.map((work) => [work.run.dispatch.id, work]))
  const epochs = yield* fence.take(new Set(works.map(workspaceOf)))
  const decidable: Array<{ readonly work: Work; readonly stored: Running; readonly epoch: number }> = []
  for (const stored of runs) {
    const work = byId.get(stored.dispatch.id)
    const epoch = epochs.get(stored.dispatch.subject.scope.workspaceId)
    if (work === undefined) continue
    if (epoch === undefined) answers.set(stored.dispatch.id, "undecided")
    else decidable.push({ work, stored, epoch })
  }

  const readings = yield* readFacts(
    decidable.map(({ stored: { dispatch } }) => ({
      subject: dispatch.subject,
      requirements: catalogue.requirementsOf(dispatch.subject.operationType)
    }))
  )
  const steps: Array<Step> = []
  for (const [index, { work, stored, epoch }] of decidable.entries()) {
    const reading = readings[index]
    if (reading === undefined) continue
    const step = yield* decidedAgain(work, stored, reading.fenced ? epoch : null, reading, catalogue)
    // The question took its time: what began to settle meanwhile would be recorded as having ended before it was decided.
    if (!mayBeAsked(work)) {
      answers.delete(stored.dispatch.id)
      continue
    }
    work.isDenied = step.after._tag === "Blocked"
    // What a chunk beside this question still counts belongs to the run: it is not blocked before that is known.
    if (work.isDenied && work.chunks > 0) answers.set(stored.dispatch.id, "undecided")
    else steps.push(step)
  }
  const refused = new Set((yield* store.write(steps, null)).map(({ runId }) => runId))
  const decidedAt = new Map<Work, number | null>()
  for (const { before, after, decision } of steps) {
    const { id } = before.dispatch
    if (refused.has(id)) continue
    answers.set(id, after._tag === "Blocked" ? "revoked" : "allowed")
    const work = byId.get(id)
    if (work !== undefined) decidedAt.set(work, decision?.epoch ?? null)
  }
  return { answers, epochs: decidedAt }
})

const decidedAgain = Effect.fnUntraced(function* (
  work: Work,
  stored: Running,
  epoch: number | null,
  { facts, sources }: FactsReading,
  catalogue: Catalogue
) {
  const { subject } = stored.dispatch
  const snapshot = {
    takenAtMillis: yield* Clock.currentTimeMillis,
    subject,
    requirements: catalogue.requirementsOf(subject.operationType),
    facts
  }
  const random = yield* SecureRandom.SecureRandom
  const circumstances = { decisionId: DecisionId.make(yield* random.uuidV7()), epoch, sources }
  // The run was just read as running under this admission and is held: a refusal here would be a bug of ours.
  return yield* Effect.orDie(Effect.fromResult(recheckStep(stored, snapshot, work.counts, circumstances)))
})
