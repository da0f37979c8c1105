/**
 * Admission: claim → fence → limits → facts → decide → transition → record, over a batch, in one unit of work.
 *
 * Contract section 2, architecture section 3. Laws `no_running_without_permit`, `revoked_after_dispatch_never_acts`,
 * `two_workers_one_start`, `every_decision_is_audited`.
 */
import {
  admissionStep,
  type Blocked,
  type Catalogue,
  type Circumstances,
  type Claim,
  type Claimed,
  countersOf,
  DecisionId,
  type Facts,
  type FactsReading,
  type Failed,
  Fence,
  type IllegalTransition,
  type KeptWaiting,
  type Lease,
  type LimitsOf,
  type Queued,
  type RunId,
  type Running,
  RunQueue,
  RunStore,
  type Snapshot,
  type Step,
  type StoreUnavailable,
  turnsOf,
  UnitOfWork,
  type WorkspaceId
} from "@countersign/domain"
import { Clock, Data, Effect, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import { expireAll } from "./Expiry.ts"
import { readFacts } from "./FactsReader.ts"
import { setAside } from "./Quarantine.ts"

/** What one admission did. */
export interface Admitted {
  /** Allowed: these are running, under our lease, and their handlers must be called. */
  readonly started: ReadonlyArray<Running>
  readonly blocked: ReadonlyArray<Blocked>
  /** Denied for a reason that may pass, of an operation that would rather wait. Still queued. */
  readonly held: ReadonlyArray<Queued>
  /** Not decided: they had waited past their limit, and were given up. */
  readonly expired: ReadonlyArray<Failed>
  /** Not decided, because their workspaces' authority was being changed at that moment. Still queued. */
  readonly fenced: ReadonlySet<WorkspaceId>
  /** Not decided, because as many runs of their operation or lane are running as may. Still queued. */
  readonly waiting: ReadonlyArray<KeptWaiting>
  /** Not decided, because their facts could not be read or the decision not be kept. Still queued, for later. */
  readonly undecided: ReadonlyArray<RunId>
  /** How many rows the claim found, of whatever fate. */
  readonly claimed: number
  /** True when another claim may find more at once although this one was not filled; see `Claimed`. */
  readonly mayHaveMore: boolean
}

/** What an admission goes by beside its claim. */
export interface AdmissionTerms {
  readonly catalogue: Catalogue
  /** Given to the runs that start. */
  readonly lease: Lease
  readonly nowMillis: number
  /** Runs whose facts cannot be read are offered again from then on. */
  readonly retryFactsAtMillis: number
}

/** The ports an admission works through. */
export type AdmissionPorts = UnitOfWork | RunQueue | RunStore | Fence | Facts | SecureRandom.SecureRandom

type Admission = Effect.Effect<Admitted, StoreUnavailable, AdmissionPorts>

/**
 * Takes the next runs and decides about each. A denial is a result, not an error: the run ends as blocked in the same unit
 * of work. A run whose facts cannot be read is postponed, never allowed and never blocked for it.
 */
export const admitNext = (claim: Claim, terms: AdmissionTerms): Admission =>
  admitted(
    Effect.flatMap(RunQueue, (queue) => queue.holdNext(claim)),
    terms
  )

/**
 * The same for exactly these runs, where they are still queued and may be taken here, whenever they are available: for ids an outside
 * queue delivered. What is paused is left alone, and what must wait for others to end is in `waiting`: both stay queued.
 */
export const admitThese = (
  ids: ReadonlyArray<RunId>,
  terms: AdmissionTerms,
  mayBeTaken: Takes = () => true
): Admission =>
  admitted(
    Effect.map(
      Effect.flatMap(RunQueue, (queue) => queue.holdThese(ids)),
      ({ runs, unreadable }) => ({
        runs: runs.filter(mayBeTaken),
        unreadable,
        mayHaveMore: false
      })
    ),
    terms
  )

/** Whether a run is taken; one that is not stays as it is. */
export type Takes = (run: Queued) => boolean

/** No decision about these runs can be made and kept: the unit of work ends without a trace. */
class Undecidable extends Data.TaggedError("Undecidable")<{
  readonly ids: ReadonlyArray<RunId>
  readonly cause: unknown
}> {}

const admitted = (hold: Effect.Effect<Claimed, StoreUnavailable, RunQueue>, terms: AdmissionTerms): Admission =>
  Effect.flatMap(UnitOfWork, (unit) => unit.transact(decideHeld(hold, terms))).pipe(
    Effect.catchTag("Undecidable", (undecidable) => postponed(undecidable, terms))
  )

const decideHeld = Effect.fnUntraced(function* (
  hold: Effect.Effect<Claimed, StoreUnavailable, RunQueue>,
  terms: AdmissionTerms
) {
  const { runs, unreadable, mayHaveMore } = yield* hold
  yield* setAside(unreadable, terms.nowMillis)
  const claimed = runs.length + unreadable.length
  if (runs.length === 0) return { ...NOBODY, claimed, mayHaveMore }

  const [inTime, late] = split(runs, (run) => run.dispatch.expiresAtMillis <= terms.nowMillis)
  const epochs = yield* Effect.flatMap(Fence, (fence) => fence.take(new Set(inTime.map(workspaceOf))))
  const [fenced, free] = split(inTime, (run) => epochs.has(workspaceOf(run)))
  const { now: ready, later: waiting } = yield* givenTurns(free, terms.catalogue)
  const steps = [...(yield* decideAll(ready, epochs, terms)), ...(yield* expireAll(late, terms.nowMillis))]
  const refused = yield* written(steps, terms.lease)
  return {
    ...outcomeOf(steps, refused),
    fenced: new Set(fenced.map(workspaceOf)),
    waiting,
    undecided: [],
    claimed,
    mayHaveMore
  }
})

/** What the store rejects or breaks on, it would reject again; the other runs shall not wait for that. */
const written = (steps: ReadonlyArray<Step>, lease: Lease) => {
  const undecidable = (cause: unknown) =>
    Effect.fail(new Undecidable({ ids: steps.map(({ before }) => before.dispatch.id), cause }))
  return Effect.flatMap(RunStore, (store) => store.write(steps, lease)).pipe(
    Effect.catchIf((error) => error.trouble === "rejected", undecidable),
    Effect.catchDefect(undecidable)
  )
}

const NOBODY: Omit<Admitted, "claimed" | "mayHaveMore"> = {
  started: [],
  blocked: [],
  held: [],
  expired: [],
  fenced: new Set(),
  waiting: [],
  undecided: []
}

const workspaceOf = (run: Queued): WorkspaceId => run.dispatch.subject.scope.workspaceId

const split = <A>(all: ReadonlyArray<A>, isSecond: (one: A) => boolean): readonly [Array<A>, Array<A>] => {
  const first: Array<A> = []
  const second: Array<A> = []
  for (const one of all) (isSecond(one) ? second : first).push(one)
  return [first, second]
}

/** Nothing is asked of the store unless an operation among them has a limit. */
const givenTurns = Effect.fnUntraced(function* (runs: ReadonlyArray<Queued>, { operations }: Catalogue) {
  const limitsOf: LimitsOf = (type) => operations.get(type)?.concurrency ?? null
  const counters = countersOf(runs, limitsOf)
  if (counters.length === 0) return { now: runs, later: [] }
  const running = yield* Effect.flatMap(RunQueue, (queue) => queue.takeCounters(counters))
  return turnsOf(runs, limitsOf, running)
})

const idsOf = (runs: ReadonlyArray<Queued>): ReadonlyArray<RunId> => runs.map((run) => run.dispatch.id)

/** All of them or none: facts that are of one moment, and a step for each run. */
const decideAll = (runs: ReadonlyArray<Queued>, epochs: ReadonlyMap<WorkspaceId, number>, terms: AdmissionTerms) =>
  decidedEach(runs, epochs, terms).pipe(
    // Facts of the wrong shape break the decision: nobody else's runs shall wait for them.
    Effect.catchDefect((defect) => Effect.fail(defect)),
    Effect.mapError((cause) => new Undecidable({ ids: idsOf(runs), cause }))
  )

const decidedEach = Effect.fnUntraced(function* (
  runs: ReadonlyArray<Queued>,
  epochs: ReadonlyMap<WorkspaceId, number>,
  terms: AdmissionTerms
) {
  const readings = yield* readFacts(
    runs.map(({ dispatch: { subject } }) => ({
      subject,
      requirements: terms.catalogue.requirementsOf(subject.operationType)
    }))
  )
  const random = yield* SecureRandom.SecureRandom
  const steps: Array<Step> = []
  for (const [index, run] of runs.entries()) {
    const reading = readings[index]
    if (reading === undefined) continue
    const decisionId = DecisionId.make(yield* random.uuidV7())
    const step = decided(run, reading, { decisionId, epoch: epochs.get(workspaceOf(run)) ?? null }, terms)
    // The run was just read as queued and is held: that its own decision does not fit it would be a bug of ours.
    if (Result.isFailure(step)) return yield* Effect.die(step.failure)
    steps.push(step.success)
  }
  return steps
})

const decided = (
  run: Queued,
  { facts, sources, fenced }: FactsReading,
  { decisionId, epoch }: Pick<Circumstances, "decisionId" | "epoch">,
  { catalogue, nowMillis }: AdmissionTerms
) => {
  const { subject } = run.dispatch
  const snapshot: Snapshot = {
    takenAtMillis: nowMillis,
    subject,
    requirements: catalogue.requirementsOf(subject.operationType),
    facts
  }
  return admissionStep(
    run,
    snapshot,
    { decisionId, epoch: fenced ? epoch : null, sources },
    catalogue.operations.get(subject.operationType)?.hold ?? null
  )
}

const outcomeOf = (steps: ReadonlyArray<Step>, refused: ReadonlyArray<IllegalTransition>) => {
  const unwritten = new Set(refused.map(({ runId }) => runId))
  const started: Array<Running> = []
  const blocked: Array<Blocked> = []
  const held: Array<Queued> = []
  const expired: Array<Failed> = []
  for (const { after } of steps) {
    if (unwritten.has(after.dispatch.id)) continue
    if (after._tag === "Running") started.push(after)
    if (after._tag === "Blocked") blocked.push(after)
    if (after._tag === "Queued") held.push(after)
    if (after._tag === "Failed") expired.push(after)
  }
  return { started, blocked, held, expired }
}

const postponed = Effect.fnUntraced(function* ({ ids, cause }: Undecidable, terms: AdmissionTerms) {
  const queue = yield* RunQueue
  yield* Effect.logWarning(`${ids.length} runs stay queued`, cause instanceof Error ? cause.message : cause)
  // Facts that took their time have used up the pause already: it begins now.
  const tookMillis = (yield* Clock.currentTimeMillis) - terms.nowMillis
  yield* queue.postpone(ids, terms.retryFactsAtMillis + Math.max(0, tookMillis))
  return { ...NOBODY, undecided: ids, claimed: ids.length, mayHaveMore: false }
})
