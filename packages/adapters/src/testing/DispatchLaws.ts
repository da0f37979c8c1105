/** The laws of `RunStore.dispatch` and `find`. */
import {
  AuditLog,
  actorBound,
  canonicalJson,
  type Dispatched,
  dispatchStep,
  failDispatchStep,
  Notices,
  type Run,
  RunStore,
  UserId
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { HOSTILE_PAYLOADS, hostsPartArbitrary, UNSTORABLE_PAYLOADS } from "./hostile.ts"
import { type Register, type RunPorts, racing, SAMPLES, upTo } from "./laws.ts"
import { blockStep, succeedStep } from "./rulings.ts"
import { enqueued, enqueuedOne, moved, startedOne } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

/** Equal, payloads compared as the JSON they are: -0 is 0, and the order of keys is nobody's. */
const assertSameRun = (actual: Run, expected: Run) => {
  const [actualJson, expectedJson] = [canonicalJson(actual.dispatch.payload), canonicalJson(expected.dispatch.payload)]
  assert.strictEqual(actualJson, expectedJson)
  const { dispatch } = actual
  assert.deepStrictEqual({ ...actual, dispatch: { ...dispatch, payload: expected.dispatch.payload } }, expected)
}

const answersOf = (answers: ReadonlyArray<Dispatched>) =>
  answers.map(({ run, deduped }) => ({ id: run.dispatch.id, deduped }))

/** The laws of storing a dispatched run. */
export const dispatchLaws = (it: Register<RunPorts>): void => {
  it.effect.prop(
    "what is dispatched is found, whatever its names and payload",
    [hostsPartArbitrary],
    ([hostsPart]) =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const step = dispatchStep(world.dispatch(hostsPart), world.atMillis + 5)
        assert.strictEqual((yield* store.dispatch([step]))[0]?.deduped, false)
        assertSameRun(yield* store.find(step.run.dispatch.id), step.run)
        assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(step.run.dispatch.id), [step.audit])
      }),
    SAMPLES
  )

  it.effect("every payload comes back", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const stored = yield* enqueued(HOSTILE_PAYLOADS.map((payload) => world.dispatch({ payload })))
      for (const [at, run] of stored.entries()) {
        assert.strictEqual(canonicalJson(run.dispatch.payload), canonicalJson(HOSTILE_PAYLOADS[at] ?? null))
        assertSameRun(yield* store.find(run.dispatch.id), run)
      }
    })
  )

  it.effect(
    "a payload is its reader's own: what becomes of it, or of the one that was given, changes nothing stored",
    () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const given = { items: [1] }
        const { id } = (yield* enqueuedOne((yield* makeWorld).dispatch({ payload: given }))).dispatch
        given.items.push(2)
        const { payload } = (yield* store.find(id)).dispatch
        assert.deepStrictEqual(payload, { items: [1] })
        Object.assign(payload ?? {}, { items: [] })
        assert.deepStrictEqual((yield* store.find(id)).dispatch.payload, { items: [1] })
      })
  )

  it.effect("a payload the store cannot keep is refused whole, and stops no other", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      for (const payload of UNSTORABLE_PAYLOADS) {
        const step = dispatchStep(world.dispatch({ payload }))
        const { id } = step.run.dispatch
        const exit = yield* Effect.exit(store.dispatch([step]))
        if (Exit.isSuccess(exit)) assertSameRun(yield* store.find(id), step.run)
        else assert.strictEqual((yield* Effect.flip(store.find(id)))._tag, "RunNotFound")
        yield* enqueuedOne(world.dispatch())
      }
    })
  )

  it.effect("what nobody dispatched is not found", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const id = runIdAt((yield* makeWorld).atMillis)
      for (const look of [store.find(id), store.hold(id)]) {
        const error = yield* Effect.flip(look)
        assert.deepStrictEqual([error._tag, error._tag === "RunNotFound" && error.runId], ["RunNotFound", id])
      }
    })
  )

  it.effect("many are answered in the order given, and none is nothing", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      assert.deepStrictEqual(yield* store.dispatch([]), [])
      const dispatches = upTo(50).map(() => world.dispatch())
      const shuffled = dispatches
        .map((_, at) => dispatches[(at * 37) % 50])
        .filter((dispatch) => dispatch !== undefined)
      const answers = yield* store.dispatch(shuffled.map((dispatch) => dispatchStep(dispatch)))
      assert.deepStrictEqual(
        answersOf(answers),
        shuffled.map(({ id }) => ({ id, deduped: false }))
      )
    })
  )

  it.effect("of one identity in one call the first is stored, and answers for the others", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const [first, other] = [world.dispatch(), world.dispatch()]
      const twin = world.dispatch({
        identity: first.identity,
        subject: { ...first.subject, authority: actorBound(UserId.make("somebody else")) }
      })
      const answers = yield* store.dispatch([first, other, twin].map((dispatch) => dispatchStep(dispatch)))
      assert.deepStrictEqual(answersOf(answers), [
        { id: first.id, deduped: false },
        { id: other.id, deduped: false },
        { id: first.id, deduped: true }
      ])
      // The initiator stays who it was.
      assert.deepStrictEqual(answers[2]?.run.dispatch, first)
      assert.strictEqual((yield* Effect.flip(store.find(twin.id)))._tag, "RunNotFound")
      assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(twin.id), [])
    })
  )

  it.effect("many dispatchers of one identity make one run", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { identity } = world.dispatch()
      const answers = yield* racing(
        upTo(24).map((at) => {
          const [twin, alone] = [world.dispatch({ identity }), world.dispatch()]
          return store.dispatch((at % 2 === 0 ? [twin, alone] : [alone, twin]).map((one) => dispatchStep(one)))
        })
      )
      const twins = answers.flat().filter(({ run }) => run.dispatch.identity === identity)
      assert.strictEqual(twins.length, 24)
      assert.strictEqual(new Set(twins.map(({ run }) => run.dispatch.id)).size, 1)
      assert.strictEqual(twins.filter(({ deduped }) => !deduped).length, 1)
      const page = yield* store.list({ workspaceId: world.workspaceId, limit: 1000 })
      assert.strictEqual(page.runs.length, 25)
    })
  )

  it.effect("an identity is taken while its run is queued or running, and free when that has completed", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const { identity } = world.dispatch()
      const again = Effect.map(store.dispatch([dispatchStep(world.dispatch({ identity }))]), answersOf)
      const running = yield* startedOne(world.dispatch({ identity }))
      const { id } = running.dispatch
      assert.deepStrictEqual(yield* again, [{ id, deduped: true }])
      yield* moved(succeedStep(running, world.atMillis))
      const [next] = yield* again
      assert.strictEqual(next?.deduped, false)
      assert.notStrictEqual(next?.id, id)
      assert.strictEqual((yield* store.find(id))._tag, "Succeeded")
    })
  )

  it.effect("redelivery_changes_nothing: a dispatch made again is answered with its run, whatever became of it", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const audit = yield* AuditLog
      const world = yield* makeWorld
      const step = dispatchStep(world.dispatch())
      const { id } = step.run.dispatch
      const queued = yield* enqueuedOne(step.run.dispatch)
      assert.deepStrictEqual(yield* store.dispatch([step]), [{ run: queued, deduped: true }])
      assert.strictEqual((yield* audit.recordsOf(id)).length, 1)
      yield* moved(blockStep(queued, world.atMillis))
      const [late] = yield* store.dispatch([step])
      assert.deepStrictEqual([late?.run._tag, late?.deduped], ["Blocked", true])
      assert.strictEqual((yield* audit.recordsOf(id)).length, 3)
      // Also when another run has its identity by now.
      yield* enqueuedOne(world.dispatch({ identity: step.run.dispatch.identity }))
      assert.deepStrictEqual(answersOf(yield* store.dispatch([step])), [{ id, deduped: true }])
    })
  )

  it.effect("a dispatch that could not enqueue is stored as failed, tells its initiator, and takes no identity", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const active = yield* enqueuedOne(world.dispatch())
      const { identity } = active.dispatch
      const step = failDispatchStep(world.dispatch({ identity }), "the queue is away")
      assert.deepStrictEqual(yield* store.dispatch([step]), [{ run: step.run, deduped: false }])
      assert.deepStrictEqual(yield* store.find(step.run.dispatch.id), step.run)
      const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
      assert.deepStrictEqual(
        due.map(({ notice }) => notice),
        [step.notice]
      )
      const answers = yield* store.dispatch([dispatchStep(world.dispatch({ identity }))])
      assert.deepStrictEqual(answersOf(answers), [{ id: active.dispatch.id, deduped: true }])
    })
  )
}
