/**
 * The lifecycle against a model of it: sequences of commands, legal and illegal, late and forged, with shrinking.
 * The model knows only numbers and names; it is written from section 3 of the contract.
 */
import {
  type Denial,
  dispatch,
  isCompleted,
  type Permit,
  type Queued,
  type Run,
  type RunEvent,
  type Running,
  transition
} from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import fc from "fast-check"
import { effort } from "./support/effort.ts"
import { dispatched, NOW_MILLIS, runId } from "./support/fixtures.ts"
import { denialFor, forced, passingDenialFor, permitFor, queuedRun, RETRY_MILLIS, reportsOf } from "./support/runs.ts"

interface Model {
  readonly maxAttempts: number
  status: "queued" | "running" | "completed"
  attempt: number
  admission: number
  startedAtMillis: number | null
  counted: number
  /** Since when it has been held in a row. */
  heldSinceMillis: number | null
  /** Which admissions have acted: each at most once, and never one that was denied. */
  readonly acted: Set<number>
}

interface Real {
  run: Run
  nowMillis: number
  /** Every permit and denial that was ever made for the run, by admission: old ones are tried again. */
  readonly permits: Array<Permit>
  readonly denials: Array<Denial>
  readonly passingDenials: Array<Denial>
}

const active = (run: Run): Queued | Running => {
  if (isCompleted(run)) assert.fail(`${run._tag} is over`)
  return run
}

/** A command gives an event and says what the model makes of it: null when it must be refused. */
abstract class Move implements fc.Command<Model, Real> {
  abstract event(model: Readonly<Model>, real: Real): RunEvent
  abstract expected(model: Readonly<Model>): Partial<Model> | null
  abstract toString(): string

  check() {
    return true
  }

  run(model: Model, real: Real) {
    real.nowMillis += 10
    const event = this.event(model, real)
    const expected = this.expected(model)
    const before = structuredClone(real.run)
    const after = transition(real.run, event)
    assert.strictEqual(Result.isSuccess(after), expected !== null, `${this}`)
    assert.deepStrictEqual(real.run, before, "a transition changes nothing in place")
    if (Result.isFailure(after) || expected === null) return
    const startedBefore = model.startedAtMillis
    Object.assign(model, expected)
    real.run = after.success
    if (event._tag === "Hold") model.heldSinceMillis ??= event.denial.snapshot.takenAtMillis
    else model.heldSinceMillis = null
    if (event._tag === "Start") {
      model.startedAtMillis = startedBefore ?? event.permit.snapshot.takenAtMillis
      assert.isFalse(model.acted.has(model.admission), "an admission acts once")
      model.acted.add(model.admission)
    }
    const { run } = real
    assert.strictEqual(isCompleted(run) ? "completed" : run._tag.toLowerCase(), model.status)
    assert.strictEqual(run.attempt, model.attempt)
    assert.strictEqual(run.admission, model.admission)
    assert.strictEqual(run.startedAtMillis, model.startedAtMillis)
    assert.strictEqual(run.counts.done ?? 0, model.counted)
    assert.isAtMost(run.attempt, model.maxAttempts)
    assert.strictEqual(run._tag === "Queued" ? (run.held?.sinceMillis ?? null) : null, model.heldSinceMillis)
    assert.isAtLeast(run.admission, run.attempt, "every attempt is admitted anew")
    assert.deepStrictEqual(run.dispatch, before.dispatch, "what was dispatched never changes")
    if (isCompleted(run)) assert.strictEqual(run.startedAtMillis === null, model.acted.size === 0)
  }
}

/** Which permit or denial is handed over. */
type Handed = "fresh" | "first" | "last" | "of another run" | "forged" | "of the other kind"
const handed = fc.constantFrom<Handed>(
  "fresh",
  "fresh",
  "fresh",
  "first",
  "last",
  "of another run",
  "forged",
  "of the other kind"
)

/** Rules about the run as it stands, or once more about a run like it that is over. */
const ruled = (real: Real) => {
  const run = isCompleted(real.run) ? dispatch(real.run.dispatch) : active(real.run)
  const permit = permitFor(run, real.nowMillis)
  const denial = denialFor(run, real.nowMillis)
  const passing = passingDenialFor(run, real.nowMillis)
  real.permits.push(permit)
  real.denials.push(denial)
  real.passingDenials.push(passing)
  return { permit, denial, passing }
}

const chosen = <R extends Permit | Denial>(
  which: Handed,
  fresh: R,
  made: ReadonlyArray<R>,
  foreign: R,
  other: unknown
): R => {
  switch (which) {
    case "fresh":
      return fresh
    case "first":
      return made[0] ?? fresh
    case "last":
      return made.at(-2) ?? fresh
    case "of another run":
      return foreign
    case "forged":
      return forced<R>({ ...fresh })
    case "of the other kind":
      return forced<R>(other)
  }
}

const stranger = () => queuedRun({ id: runId(99) })

type RulingTag = "Start" | "Block" | "Hold" | "Revoke"

class Rule extends Move {
  readonly tag: RulingTag
  readonly which: Handed
  private handedAdmission = 0
  constructor(tag: RulingTag, which: Handed) {
    super()
    this.tag = tag
    this.which = which
  }
  event(model: Readonly<Model>, real: Real): RunEvent {
    const { permit, denial, passing } = ruled(real)
    if (this.tag === "Start") {
      const given = chosen(this.which, permit, real.permits, permitFor(stranger()), denial)
      this.handedAdmission = given.admission
      return { _tag: "Start", permit: given }
    }
    if (this.tag === "Hold") {
      const given = chosen(this.which, passing, real.passingDenials, passingDenialFor(stranger()), permit)
      this.handedAdmission = given.admission
      return { _tag: "Hold", denial: given, retryAtMillis: real.nowMillis + RETRY_MILLIS }
    }
    // What blocks and revokes may be a reason that passes or one that does not.
    const given = chosen(this.which, denial, [...real.denials, ...real.passingDenials], denialFor(stranger()), permit)
    this.handedAdmission = given.admission
    return this.tag === "Block"
      ? { _tag: "Block", denial: given }
      : { _tag: "Revoke", denial: given, counts: { done: model.counted + 1 } }
  }
  expected(model: Readonly<Model>): Partial<Model> | null {
    if (model.status !== (this.tag === "Revoke" ? "running" : "queued")) return null
    if (this.which === "of another run" || this.which === "forged" || this.which === "of the other kind") return null
    if (this.handedAdmission !== model.admission) return null
    if (this.tag === "Start") return { status: "running" }
    if (this.tag === "Hold") return { status: "queued", admission: model.admission + 1 }
    return this.tag === "Block" ? { status: "completed" } : { status: "completed", counted: model.counted + 1 }
  }
  toString() {
    return `${this.tag}(${this.which})`
  }
}

/** A hold for a reason that waiting cannot mend: refused always. */
class HoldForGood extends Move {
  event(_: Readonly<Model>, real: Real): RunEvent {
    return { _tag: "Hold", denial: ruled(real).denial, retryAtMillis: real.nowMillis + RETRY_MILLIS }
  }
  expected() {
    return null
  }
  toString() {
    return "HoldForGood"
  }
}

type ReportTag = keyof ReturnType<typeof reportsOf>

/** `late` is how many admissions ago it acted. */
class Report extends Move {
  readonly tag: ReportTag
  readonly late: number
  constructor(tag: ReportTag, late: number) {
    super()
    this.tag = tag
    this.late = late
  }
  event(model: Readonly<Model>, real: Real): RunEvent {
    const event = reportsOf(model.admission - this.late, real.nowMillis)[this.tag]
    return event._tag === "LoseLease" ? event : { ...event, counts: { done: model.counted + 2 } }
  }
  expected(model: Readonly<Model>): Partial<Model> | null {
    if (model.status !== "running" || this.late !== 0) return null
    const counted = this.tag === "LoseLease" ? model.counted : model.counted + 2
    if (this.tag === "Release") return { status: "queued", admission: model.admission + 1, counted }
    const retried = this.tag === "FailAttempt" || this.tag === "LoseLease"
    return retried && model.attempt < model.maxAttempts
      ? { status: "queued", attempt: model.attempt + 1, admission: model.admission + 1, counted }
      : { status: "completed", counted }
  }
  toString() {
    return `${this.tag}(${this.late === 0 ? "now" : `${this.late} admissions late`})`
  }
}

class Cancel extends Move {
  event(_: Readonly<Model>, real: Real): RunEvent {
    return { _tag: "Cancel", by: { kind: "system", id: null }, atMillis: real.nowMillis }
  }
  expected({ status }: Readonly<Model>): Partial<Model> | null {
    return status === "completed" ? null : { status: "completed" }
  }
  toString() {
    return "Cancel"
  }
}

class Expire extends Move {
  event(_: Readonly<Model>, real: Real): RunEvent {
    return { _tag: "Expire", atMillis: real.nowMillis }
  }
  expected({ status }: Readonly<Model>): Partial<Model> | null {
    return status === "queued" ? { status: "completed" } : null
  }
  toString() {
    return "Expire"
  }
}

const late = fc.constantFrom(0, 0, 0, 0, 1, 2, -1)
const returning = fc.constantFrom<ReportTag>("FailAttempt", "Release", "LoseLease")
const ending = fc.constantFrom<ReportTag>("Succeed", "PartiallySucceed", "Fail")

const commands = fc.commands<Model, Real>(
  [
    // Most of the time a run starts and comes back, so that long lives with many admissions are common.
    handed.map((which) => new Rule("Start", which)),
    handed.map((which) => new Rule("Start", which)),
    handed.map((which) => new Rule("Start", which)),
    fc.tuple(returning, late).map(([tag, admissionsAgo]) => new Report(tag, admissionsAgo)),
    fc.tuple(returning, late).map(([tag, admissionsAgo]) => new Report(tag, admissionsAgo)),
    fc.tuple(fc.constant<ReportTag>("Release"), late).map(([tag, admissionsAgo]) => new Report(tag, admissionsAgo)),
    fc.tuple(ending, late).map(([tag, admissionsAgo]) => new Report(tag, admissionsAgo)),
    fc.tuple(fc.constantFrom("Block" as const, "Revoke" as const), handed).map(([tag, which]) => new Rule(tag, which)),
    handed.map((which) => new Rule("Hold", which)),
    handed.map((which) => new Rule("Hold", which)),
    fc.constant(new HoldForGood()),
    fc.constant(new Cancel()),
    fc.constant(new Expire())
  ],
  { maxCommands: 40, size: "max" }
)

it("the lifecycle agrees with its model, whatever happens in whatever order", { timeout: 300_000 }, () => {
  // A failure prints seed and path; give them to `fc.assert` to see it again.
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), commands, (maxAttempts, moves) =>
      fc.modelRun(
        (): { model: Model; real: Real } => ({
          model: {
            maxAttempts,
            status: "queued",
            attempt: 1,
            admission: 1,
            startedAtMillis: null,
            counted: 0,
            heldSinceMillis: null,
            acted: new Set()
          },
          real: {
            run: dispatch(dispatched({ maxAttempts })),
            nowMillis: NOW_MILLIS,
            permits: [],
            denials: [],
            passingDenials: []
          }
        }),
        moves
      )
    ),
    { numRuns: effort.runs(1_000) }
  )
})
