/** The laws of `RunStore.write` and `hold`: compare-and-set, written whole or not at all. */
import {
  AuditLog,
  type Completed,
  isCompleted,
  Notices,
  type Queued,
  type Run,
  type RunEvent,
  type RunId,
  type Running,
  RunStore,
  type Step,
  step,
  UnitOfWork
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result, Schema } from "effect"
import { type Register, type RunPorts, racing, SAMPLES, upTo } from "./laws.ts"
import { blockStep, confirmStep, revokeStep, startStep, stepOf, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved, startedOne, written } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** Everything a store knows of a run, to be compared before and after. */
const allOf = Effect.fn("allOf")(function* (id: RunId) {
  const audit = yield* AuditLog
  const run = yield* (yield* RunStore).find(id)
  return { run, records: yield* audit.recordsOf(id), decisions: yield* audit.decisionsOf(id) }
})

/** The ways a run completes, each with what it keeps. */
const endings = (world: World): ReadonlyArray<(running: Running) => Step> => {
  const { atMillis } = world
  const counts = { deleted: 120, "kept \u{1F512}": 0 }
  const report = ({ admission }: Running) => ({ admission, atMillis: atMillis + 7, counts })
  const failure = { code: "provider.timeout", message: "The provider's \u201Capi\u201D did not answer \\o/" }
  return [
    (run) => stepOf(run, { _tag: "Succeed", ...report(run), result: { items: [1, null, "\u2028"] } }),
    (run) => stepOf(run, { _tag: "Succeed", ...report(run), result: null }),
    (run) => stepOf(run, { _tag: "PartiallySucceed", ...report(run), result: {}, failures: [failure, failure] }),
    (run) => stepOf(run, { _tag: "Fail", ...report(run), failure }),
    (run) => revokeStep(run, atMillis + 7, counts),
    (run) => stepOf(run, { _tag: "Cancel", by: { kind: "human", id: "Zo\u00EB" }, atMillis: atMillis + 7 }),
    (run) => stepOf(run, { _tag: "Cancel", by: { kind: "system", id: null }, atMillis: atMillis + 7 })
  ]
}

/** Steps that no lifecycle makes, from a state into any other. */
const forgeries = (before: Run, { atMillis }: World): ReadonlyArray<Step> => {
  const { dispatch, attempt, admission, startedAtMillis, counts } = before
  const common = { dispatch, attempt, admission, counts }
  const queued: Queued = { ...common, _tag: "Queued", startedAtMillis, availableAtMillis: atMillis }
  const running: Running = { ...common, _tag: "Running", startedAtMillis: atMillis }
  const cancelled: Completed = {
    ...common,
    _tag: "Cancelled",
    startedAtMillis,
    completedAtMillis: atMillis,
    by: { kind: "human", id: null }
  }
  return [queued, running, cancelled].map((after) => ({ before, after, decision: null, audit: [], notice: null }))
}

export const stepLaws = (it: Register<RunPorts>): void => {
  it.effect("every way a run can end is stored as it was handed over", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const ending of endings(world)) {
        const end = ending(yield* startedOne(world.dispatch()))
        assert.isTrue(isCompleted(end.after))
        yield* moved(end)
        assert.deepStrictEqual(yield* store.find(end.after.dispatch.id), end.after)
      }
    })
  )

  it.effect("a run blocked before it ever started keeps why, and has no start", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const dispatch of [world.dispatch(), world.systemDispatch()]) {
        const block = blockStep(yield* enqueuedOne(dispatch), world.atMillis + 3)
        yield* moved(block)
        const run = yield* store.find(dispatch.id)
        assert.deepStrictEqual(run, block.after)
        assert(run._tag === "Blocked")
        assert.strictEqual(run.startedAtMillis, null)
        assert.strictEqual(run.legitimacy.reason_code, run.failure.code)
        assert.strictEqual(run.attempt, 1)
      }
    })
  )

  it.effect("what was counted is kept through a retry, a release and a revocation", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { atMillis } = world
      const lease = leaseAt(atMillis)
      let running = yield* startedOne(world.dispatch())
      const { id } = running.dispatch
      const failure = { code: "provider.timeout", message: "no answer" }
      const events: ReadonlyArray<(run: Running) => Parameters<typeof stepOf>[1]> = [
        ({ admission }) => ({
          _tag: "FailAttempt",
          admission,
          atMillis,
          counts: { done: 10 },
          failure,
          retryAtMillis: atMillis + 5
        }),
        ({ admission }) => ({ _tag: "Release", admission, atMillis, counts: { done: 20 } }),
        ({ admission }) => ({ _tag: "LoseLease", admission, atMillis, retryAtMillis: atMillis + 5 })
      ]
      for (const event of events) {
        const queued = asQueued(yield* moved(stepOf(running, event(running))))
        assert.deepStrictEqual(yield* store.find(id), queued)
        running = asRunning(yield* moved(startStep(queued, atMillis + 10), lease))
        assert.deepStrictEqual(yield* store.find(id), running)
      }
      assert.deepStrictEqual([running.attempt, running.admission, running.counts], [3, 4, { done: 20 }])
      yield* moved(revokeStep(running, atMillis + 20, { done: 25 }))
      const end = yield* store.find(id)
      assert.deepStrictEqual([end._tag, end.counts, end.startedAtMillis], ["Blocked", { done: 25 }, world.atMillis])
    })
  )

  it.effect("redelivery_changes_nothing: a step written again is refused", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const { id } = queued.dispatch
      const start = startStep(queued, world.atMillis)
      const end = succeedStep(asRunning(yield* moved(start, leaseAt(world.atMillis))), world.atMillis)
      yield* moved(end)
      const before = yield* allOf(id)
      for (const late of [end, start, blockStep(queued, world.atMillis)]) {
        const refused = yield* store.write([late], leaseAt(world.atMillis))
        assert.deepStrictEqual(
          refused.map(({ runId, reason }) => ({ runId, reason })),
          [{ runId: id, reason: "changed_meanwhile" }]
        )
      }
      assert.deepStrictEqual(yield* allOf(id), before)
      const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
      assert.strictEqual(due.length, 1)
    })
  )

  it.effect("of many steps only those that do not fit are refused", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueued(upTo(20).map(() => world.dispatch()))
      const gone = queued.filter((_, at) => at % 3 === 0)
      yield* written(gone.map((run) => blockStep(run, world.atMillis)))
      const missing = asQueued({ ...(yield* enqueuedOne(world.dispatch())), dispatch: world.dispatch() })
      const refused = yield* store.write(
        [...queued, missing].map((run) => startStep(run, world.atMillis)),
        leaseAt(world.atMillis)
      )
      assert.sameMembers(
        refused.map(({ runId }) => runId),
        [...gone, missing].map(({ dispatch }) => dispatch.id)
      )
      for (const [at, { dispatch }] of queued.entries()) {
        assert.strictEqual((yield* store.find(dispatch.id))._tag, at % 3 === 0 ? "Blocked" : "Running")
      }
      assert.deepStrictEqual(yield* store.write([], null), [])
    })
  )

  it.effect("of two steps for one run in one call exactly one is written", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const twice = [startStep(queued, world.atMillis), startStep(queued, world.atMillis)]
      assert.strictEqual((yield* store.write(twice, leaseAt(world.atMillis))).length, 1)
      const { decisions, records } = yield* allOf(queued.dispatch.id)
      assert.strictEqual(decisions.length, 1)
      assert.deepStrictEqual(
        records.map(({ action }) => action),
        ["run.dispatched", "run.decided", "run.started"]
      )
    })
  )

  it.effect("two_workers_one_start: of many who start a run at once, one does", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueued(upTo(5).map(() => world.dispatch()))
      const refusals = yield* racing(
        upTo(12).map((at) =>
          store
            .write(
              // Not in one order, so that two of them can meet crosswise.
              [...queued.slice(at % 5), ...queued.slice(0, at % 5)].map((run) => startStep(run, world.atMillis)),
              leaseAt(world.atMillis, `worker ${at}`)
            )
            .pipe(Effect.retry({ times: 20, while: ({ trouble }) => trouble === "conflict" }))
        )
      )
      assert.strictEqual(refusals.flat().length, 11 * 5)
      for (const { dispatch } of queued) {
        const { run, decisions, records } = yield* allOf(dispatch.id)
        assert.deepStrictEqual([run._tag, decisions.length, records.length], ["Running", 1, 3])
      }
    })
  )

  it.effect("terminal_states_absorb: no step leaves a completed run, not even a forged one", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const ending of endings(world)) {
        const end = yield* moved(ending(yield* startedOne(world.dispatch())))
        const before = yield* allOf(end.dispatch.id)
        for (const forged of forgeries(end, world)) {
          yield* Effect.exit(store.write([forged], leaseAt(world.atMillis)))
          assert.deepStrictEqual(yield* allOf(end.dispatch.id), before)
        }
      }
    })
  )

  it.effect("no_running_without_permit: not without a recorded allowed decision for that run and admission", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const [queued, other] = yield* enqueued([world.dispatch(), world.dispatch()])
      assert(queued && other)
      const start = startStep(queued, world.atMillis)
      const { decision } = start
      assert(decision)
      const forged: ReadonlyArray<Step> = [
        { ...start, decision: null },
        { ...start, decision: blockStep(queued, world.atMillis).decision },
        { ...start, decision: startStep(other, world.atMillis).decision },
        { ...start, decision: { ...decision, admission: 2 } }
      ]
      const before = yield* allOf(queued.dispatch.id)
      for (const one of forged) {
        yield* Effect.exit(store.write([one], leaseAt(world.atMillis)))
        assert.deepStrictEqual(yield* allOf(queued.dispatch.id), before)
      }
      yield* moved(start, leaseAt(world.atMillis))
    })
  )

  it.effect("permit_fits_one_run_and_admission: the decision of an earlier admission starts nothing", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const running = yield* startedOne(world.dispatch())
      const { admission, dispatch } = running
      const release = stepOf(running, { _tag: "Release", admission, atMillis: world.atMillis, counts: {} })
      const queued = asQueued(yield* moved(release))
      const before = yield* allOf(dispatch.id)
      const forged = { ...startStep(queued, world.atMillis), decision: null }
      yield* Effect.exit(store.write([forged], leaseAt(world.atMillis)))
      assert.deepStrictEqual(yield* allOf(dispatch.id), before)
    })
  )

  it.effect("a re-check that allows records its decision and leaves the run and its lease as they are", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const lease = leaseAt(world.atMillis)
      const running = yield* startedOne(world.dispatch(), lease)
      const { id } = running.dispatch
      const confirmed = confirmStep(running, world.atMillis + 1)
      yield* written([confirmed])
      const { run, decisions, records } = yield* allOf(id)
      assert.deepStrictEqual(run, running)
      assert.deepStrictEqual(decisions.at(-1), confirmed.decision)
      assert.strictEqual(records.length, 4)
      assert.deepStrictEqual(yield* store.extendLeases([{ id, admission: 1 }], lease), new Set([id]))
      yield* moved(succeedStep(running, world.atMillis + 2))
      assert.strictEqual((yield* store.write([confirmed], null)).length, 1)
    })
  )

  it.effect("who holds a run is alone with it until the unit of work ends", () =>
    Effect.gen(function* () {
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        transact(
          Effect.gen(function* () {
            const run = asQueued(yield* store.hold(queued.dispatch.id))
            yield* Deferred.succeed(held, undefined)
            yield* Effect.sleep("50 millis")
            yield* moved(blockStep(run, world.atMillis))
          })
        )
      )
      yield* Deferred.await(held)
      const refused = yield* store.write([startStep(queued, world.atMillis)], leaseAt(world.atMillis))
      assert.strictEqual(refused.length, 1)
      yield* Fiber.join(holder)
      assert.strictEqual((yield* store.find(queued.dispatch.id))._tag, "Blocked")
    })
  )

  it.effect.prop(
    "whatever happens to a run, the store follows the lifecycle and refuses what is late",
    [Schema.Array(Schema.Literals(EVENTS)).check(Schema.isMaxLength(12))],
    ([events]) =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        let run: Run = yield* enqueuedOne(world.dispatch())
        const past: Array<Step> = []
        for (const [at, event] of events.entries()) {
          const next = happening(run, event, world.atMillis + at)
          if (Result.isFailure(next)) continue
          yield* written([next.success], leaseAt(world.atMillis))
          past.push(next.success)
          run = next.success.after
          assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
        }
        const before = yield* allOf(run.dispatch.id)
        const late = past.filter((one) => one.after !== one.before)
        assert.strictEqual((yield* store.write(late, leaseAt(world.atMillis))).length, late.length)
        assert.deepStrictEqual(yield* allOf(run.dispatch.id), before)
      }),
    SAMPLES
  )
}

const EVENTS = [
  "Start",
  "Start",
  "Start",
  "Block",
  "Confirm",
  "Revoke",
  "Cancel",
  "Expire",
  "Succeed",
  "Fail",
  "FailAttempt",
  "Release",
  "LoseLease"
] as const

/** The step of an event, where the run is in a state that has it. */
const happening = (run: Run, event: (typeof EVENTS)[number], atMillis: number): Result.Result<Step, unknown> => {
  const report = { admission: run.admission, atMillis, counts: { at: atMillis } }
  const failure = { code: "tests.failure", message: "it broke" }
  const by = { kind: "human", id: "Ada" } as const
  const eventOf = (): Exclude<RunEvent, { readonly _tag: "Start" | "Block" | "Revoke" }> | null => {
    switch (event) {
      case "Cancel":
        return { _tag: event, by, atMillis }
      case "Expire":
        return { _tag: event, atMillis }
      case "Succeed":
        return { _tag: event, ...report, result: { event } }
      case "Fail":
        return { _tag: event, ...report, failure }
      case "FailAttempt":
        return { _tag: event, ...report, failure, retryAtMillis: atMillis }
      case "Release":
        return { _tag: event, ...report }
      case "LoseLease":
        return { _tag: event, admission: run.admission, atMillis, retryAtMillis: atMillis }
      default:
        return null
    }
  }
  const plain = eventOf()
  if (plain !== null) return step(run, plain)
  if (run._tag === "Queued" && event === "Start") return Result.succeed(startStep(run, atMillis))
  if (run._tag === "Queued" && event === "Block") return Result.succeed(blockStep(run, atMillis))
  if (run._tag === "Running" && event === "Confirm") return Result.succeed(confirmStep(run, atMillis))
  if (run._tag === "Running" && event === "Revoke") return Result.succeed(revokeStep(run, atMillis, { revoked: 1 }))
  return Result.fail("not in this state")
}
