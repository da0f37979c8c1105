/** The laws of `RunStore.dispatch` for many runs in one call. */
import {
  AuditLog,
  dispatchStep,
  type FirstStep,
  failDispatchStep,
  Notices,
  type Running,
  RunStore,
  UnitOfWork
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Register, type RunPorts, racing, upTo } from "./laws.ts"
import { enqueuedOne } from "./runs.ts"
import { makeWorld, type World } from "./World.ts"

/** More than any store writes with one statement. */
const MANY = 2_500

/** An identity that comes behind all others, in whatever order a store takes them. */
const lastOf = ({ workspaceId }: World): string => `~ ${workspaceId}`

/** A first step that no lifecycle makes; the guard of every store refuses it. */
const forgedStep = (world: World): FirstStep => {
  const step = dispatchStep(world.dispatch())
  const { dispatch, attempt, admission } = step.run
  const run: Running = { _tag: "Running", dispatch, attempt, admission, startedAtMillis: world.atMillis, counts: {} }
  return { ...step, run }
}

/** The laws of storing many dispatched runs together. */
export const dispatchAllLaws = (it: Register<RunPorts>): void => {
  it.effect("all are stored or none: what is refused in one run takes back all the others", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const steps = upTo(MANY).map(() => dispatchStep(world.dispatch()))
      for (const at of [0, 1_300, MANY]) {
        const error = yield* Effect.flip(store.dispatch(steps.toSpliced(at, 0, forgedStep(world))))
        assert.strictEqual(error.trouble, "rejected")
        const { runs } = yield* store.list({ workspaceId: world.workspaceId, limit: 10 })
        assert.deepStrictEqual(runs, [])
      }
      const [first] = steps
      assert(first !== undefined)
      assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(first.run.dispatch.id), [])
    })
  )

  it.effect("inside a unit of work what is refused takes back its own part, and no more", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const [kept, dropped] = [dispatchStep(world.dispatch()), dispatchStep(world.dispatch())]
      yield* (yield* UnitOfWork).transact(
        Effect.andThen(store.dispatch([kept]), Effect.flip(store.dispatch([dropped, forgedStep(world)])))
      )
      const { runs } = yield* store.list({ workspaceId: world.workspaceId, limit: 10 })
      assert.deepStrictEqual(runs, [kept.run])
    })
  )

  it.effect(
    "thousands are answered in the order given, and those that were active, or came before, answer for the others",
    () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const active = yield* enqueuedOne(world.dispatch())
        const dispatches = upTo(MANY).map((at) => {
          if (at % 500 === 7) return world.dispatch({ identity: active.dispatch.identity })
          return world.dispatch(at % 500 === 8 ? { identity: `${world.workspaceId} twins` } : {})
        })
        const answers = yield* store.dispatch(dispatches.map((dispatch) => dispatchStep(dispatch)))
        assert.strictEqual(answers.length, MANY)
        const firstTwin = dispatches[8]
        for (const [at, { run, deduped }] of answers.entries()) {
          const own = dispatches[at]
          const expected = at % 500 === 7 ? active.dispatch : at % 500 === 8 ? firstTwin : own
          assert.strictEqual(run.dispatch.id, expected?.id)
          assert.strictEqual(deduped, expected !== own)
        }
        const { runs } = yield* store.list({ workspaceId: world.workspaceId, limit: 1_000 })
        assert.strictEqual(runs.length, 1_000)
        const audit = yield* AuditLog
        for (const at of [0, 1_234, MANY - 1]) {
          const { run } = answers[at] ?? assert.fail("an answer is missing")
          assert.deepStrictEqual(yield* store.find(run.dispatch.id), run)
          assert.strictEqual((yield* audit.recordsOf(run.dispatch.id)).length, 1)
        }
      })
  )

  it.effect("the last of thousands is active already: it answers for its request, and all others are stored once", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const audit = yield* AuditLog
      const world = yield* makeWorld
      const active = yield* enqueuedOne(world.dispatch({ identity: lastOf(world) }))
      const steps = upTo(MANY).map(() => dispatchStep(world.dispatch()))
      const again = dispatchStep(world.dispatch({ identity: lastOf(world) }))
      const answers = yield* store.dispatch([again, ...steps])
      assert.deepStrictEqual(answers[0], { run: active, deduped: true })
      assert.isTrue(answers.slice(1).every(({ run, deduped }, at) => run === steps[at]?.run && !deduped))
      for (const { run } of answers) assert.strictEqual((yield* audit.recordsOf(run.dispatch.id)).length, 1)
    })
  )

  it.effect(
    "of two who dispatch thousands at once and have one in common, both store theirs, and one of them that",
    () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const steps = upTo(2).map(() => [
          ...upTo(MANY).map(() => dispatchStep(world.dispatch())),
          dispatchStep(world.dispatch({ identity: lastOf(world) }))
        ])
        const answers = yield* racing(steps.map((some) => store.dispatch(some)))
        assert.deepStrictEqual(
          answers.flatMap((some) => some.slice(0, MANY)).filter(({ deduped }) => deduped),
          []
        )
        const common = answers.flatMap((some) => some.slice(MANY))
        assert.sameMembers(
          common.map(({ deduped }) => deduped),
          [true, false]
        )
        assert.strictEqual(new Set(common.map(({ run }) => run.dispatch.id)).size, 1)
      })
  )

  it.effect("of one id in one call the first is stored, whatever the others say", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const first = dispatchStep(world.dispatch({ identity: `z ${world.workspaceId}` }))
      const { id } = first.run.dispatch
      const others = ["a", "zz"].map((identity) =>
        dispatchStep(world.dispatch({ id, identity: `${identity} ${world.workspaceId}` }))
      )
      const answers = yield* store.dispatch([first, ...others])
      assert.deepStrictEqual(answers, [
        { run: first.run, deduped: false },
        { run: first.run, deduped: true },
        { run: first.run, deduped: true }
      ])
      assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(id), [first.audit])
    })
  )

  it.effect("runs that end with their dispatch are stored beside others, each with its record and one notice", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const audit = yield* AuditLog
      const world = yield* makeWorld
      const failed = failDispatchStep(world.dispatch(), "the queue is away")
      const queued = dispatchStep(world.dispatch())
      const answers = yield* store.dispatch([failed, queued, failed])
      assert.deepStrictEqual(answers, [
        { run: failed.run, deduped: false },
        { run: queued.run, deduped: false },
        { run: failed.run, deduped: true }
      ])
      for (const step of [failed, queued]) {
        assert.deepStrictEqual(yield* audit.recordsOf(step.run.dispatch.id), [step.audit])
      }
      const due = yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 1000)
      assert.deepStrictEqual(
        due.map(({ notice }) => notice),
        [failed.notice]
      )
    })
  )

  it.effect("many who dispatch the same identities in other orders do not stop each other", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const identities = upTo(60).map((at) => `${world.workspaceId} ${at}`)
      const answers = yield* racing(
        upTo(8).map((turn) =>
          store.dispatch(
            identities.map((_, at) =>
              dispatchStep(world.dispatch({ identity: identities[(at * (turn % 2 === 0 ? 7 : 53) + turn) % 60] ?? "" }))
            )
          )
        )
      )
      const ids = new Set(answers.flat().map(({ run }) => run.dispatch.id))
      assert.strictEqual(ids.size, 60)
      assert.strictEqual(answers.flat().filter(({ deduped }) => !deduped).length, 60)
    })
  )
}
