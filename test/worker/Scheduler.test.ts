/** A worker and its schedules, in memory under the test clock: slots become runs and are done, by whichever worker is there. */
import { RunStore, ScheduleId, Schedules, ScheduleUnreadable } from "@countersign/domain"
import { backupScheduleRun, Countersign, Handler } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Ref } from "effect"
import { TestClock } from "effect/testing"
import { layerBench, pass, startWorker } from "./support/bench.ts"
import { away, Trouble } from "./support/unruly.ts"
import { ada, connectionId, settle, tenantId, workspaceId } from "./support/world.ts"

const MINUTE_MILLIS = 60_000

/** Makes a schedule of every minute, of Ada's. */
const everyMinute = (id: string) =>
  Effect.flatMap(Countersign, (gate) =>
    gate.addSchedule({
      id,
      operation: backupScheduleRun,
      payload: {},
      workspaceId,
      tenantId,
      providerConnectionId: connectionId,
      cron: "* * * * *",
      zone: "UTC",
      by: { id: ada }
    })
  )

/** The runs by schedule and slot, in minutes since the clock began, each with its state. */
const runsBySlot = Effect.gen(function* () {
  const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
  return runs
    .map(({ _tag, dispatch: { slot } }) => `${slot?.scheduleId} ${(slot?.slotMillis ?? 0) / MINUTE_MILLIS} ${_tag}`)
    .sort()
})

const backingUp = Effect.gen(function* () {
  const calls = yield* Ref.make(0)
  const handler = Handler.make(backupScheduleRun, () =>
    Effect.as(
      Ref.update(calls, (n) => n + 1),
      { backedUp: 1 }
    )
  )
  return { calls: Ref.get(calls), handler }
})

describe("a worker with schedules", () => {
  it.effect("slots become runs that are done; of a paused schedule none does, nor when it goes on", () =>
    Effect.gen(function* () {
      yield* settle
      const { calls, handler } = yield* backingUp
      const gate = yield* Countersign
      yield* everyMinute("nightly")
      const { id } = yield* everyMinute("resting")
      yield* gate.pauseSchedule(id)
      yield* startWorker([handler])
      yield* pass(MINUTE_MILLIS - 100)
      assert.deepStrictEqual(yield* runsBySlot, [])
      yield* pass(2 * MINUTE_MILLIS, 10_000)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded", "nightly 2 Succeeded"])
      assert.strictEqual(yield* calls, 2)

      yield* gate.resumeSchedule(id)
      yield* pass(MINUTE_MILLIS, 10_000)
      assert.deepStrictEqual(yield* runsBySlot, [
        "nightly 1 Succeeded",
        "nightly 2 Succeeded",
        "nightly 3 Succeeded",
        "resting 3 Succeeded"
      ])
      assert.strictEqual(yield* calls, 4)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a slot is run once although its worker is replaced, and another stands beside it", () =>
    Effect.gen(function* () {
      yield* settle
      const { calls, handler } = yield* backingUp
      yield* everyMinute("nightly")
      const first = yield* startWorker([handler])
      yield* pass(MINUTE_MILLIS + 500)
      yield* first.stop
      // The same minute, and the one after it: who comes back finds what was dispatched.
      yield* startWorker([handler])
      yield* startWorker([handler])
      yield* pass(5_000)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded"])
      yield* pass(MINUTE_MILLIS, 10_000)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded", "nightly 2 Succeeded"])
      assert.strictEqual(yield* calls, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("slots that no worker was there for are made up for by one run", () =>
    Effect.gen(function* () {
      yield* settle
      const { calls, handler } = yield* backingUp
      yield* everyMinute("nightly")
      const first = yield* startWorker([handler])
      yield* pass(MINUTE_MILLIS + 500)
      yield* first.stop
      yield* TestClock.setTime(5 * MINUTE_MILLIS + 30_000)
      assert.strictEqual(yield* Clock.currentTimeMillis, 5 * MINUTE_MILLIS + 30_000)
      yield* startWorker([handler])
      yield* pass(5_000)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded", "nightly 5 Succeeded"])
      assert.strictEqual(yield* calls, 2)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a store that is in the way for a moment costs no slot, and is nothing the schedule suffers from", () =>
    Effect.gen(function* () {
      yield* settle
      const { handler } = yield* backingUp
      const { id } = yield* everyMinute("nightly")
      const trouble = yield* Trouble
      let refusals = 0
      trouble.beforeStore = ({ operation }) => {
        if (operation !== "dispatch" || refusals > 0) return Effect.void
        refusals += 1
        return Effect.fail(away("conflict"))
      }
      yield* startWorker([handler])
      yield* pass(MINUTE_MILLIS + 2_000)
      assert.strictEqual(refusals, 1)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded"])
      assert.isNull((yield* (yield* Schedules).find(id)).problem)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("one whose expression nobody understands any more is paused and says so, and stops no other", () =>
    Effect.gen(function* () {
      yield* settle
      const { handler } = yield* backingUp
      const schedules = yield* Schedules
      const sound = yield* everyMinute("nightly")
      const id = ScheduleId.make("broken")
      yield* schedules.add({ ...sound, id, cron: "99 * * * *" })
      yield* startWorker([handler])
      yield* pass(MINUTE_MILLIS + 2_000)
      const broken = yield* schedules.find(id)
      assert.strictEqual(broken.state._tag, "Paused")
      assert.match(broken.problem?.message ?? "", /^it is paused: /)
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded"])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("one that cannot be read is set aside, and stops no other", () =>
    Effect.gen(function* () {
      yield* settle
      const { handler } = yield* backingUp
      yield* everyMinute("nightly")
      const schedules = yield* Schedules
      const aside: Array<string> = []
      const unreadable = [new ScheduleUnreadable({ scheduleId: "broken", problem: "its cron is no text" })]
      const spoiled = Schedules.of({
        ...schedules,
        holdDue: (claim) =>
          Effect.map(schedules.holdDue(claim), (page) => ({
            ...page,
            unreadable: aside.length === 0 ? unreadable : []
          })),
        setAside: (rows) => Effect.sync(() => void aside.push(...rows.map(({ scheduleId }) => scheduleId)))
      })
      yield* Effect.provideService(startWorker([handler]), Schedules, spoiled)
      yield* pass(MINUTE_MILLIS + 2_000)
      assert.deepStrictEqual(aside, ["broken"])
      assert.deepStrictEqual(yield* runsBySlot, ["nightly 1 Succeeded"])
    }).pipe(Effect.provide(layerBench))
  )
})
