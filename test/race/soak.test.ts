/**
 * A soak: many workers that come and go, people who dispatch, schedule,
 * pause, cancel and do again, authority that changes all the time. Bounded in
 * time; `SOAK_MILLIS` makes it longer. In the end every run is terminal and audited, every initiator was told once, and no handler
 * was called for a run whose decision was denied.
 */
import { layerPostgresInbox } from "@countersign/adapters"
import type { Running, ScheduleState } from "@countersign/domain"
import { Countersign } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Ref, Schedule as Spaced } from "effect"
import { freshDatabase } from "../support/postgres.ts"
import { makeHandlers } from "./soak/handlers.ts"
import { catalogue } from "./soak/operations.ts"
import {
  cancelOne,
  changeAuthority,
  dispatchOne,
  pauseAWhile,
  retryOne,
  scheduleBackup,
  setRight
} from "./soak/people.ts"
import { allRuns, judge, judgeSlots } from "./soak/verdict.ts"
import { startWorker, takingTurns } from "./soak/workforce.ts"
import { makeChance } from "./support/chance.ts"
import { makeCorners } from "./support/corner.ts"
import { makeFastClock } from "./support/fastClock.ts"
import { layerProgram, migrated } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

const WORKERS = 4
const WORKSPACES = 6
const SPEED = 10
const FOR_MILLIS = Number(process.env.SOAK_MILLIS ?? 18_000)

/** Until no schedule has a slot before that instant ahead of it. */
const untilSlotsAreDispatched = (beforeMillis: number) =>
  Effect.flatMap(Countersign, (gate) => gate.listSchedules({ limit: 100 })).pipe(
    Effect.repeat({
      until: ({ schedules }) => schedules.every(({ state }) => isDueAfter(state, beforeMillis)),
      schedule: Spaced.spaced("500 millis")
    })
  )

const isDueAfter = (state: ScheduleState, millis: number) => state._tag === "Active" && state.nextSlotMillis > millis

it.live(
  "a soak ends with every run terminal and audited, every initiator told once, and nothing done that was denied",
  () =>
    Effect.gen(function* () {
      const chance = makeChance("soak")
      const url = yield* freshDatabase
      yield* migrated(url)
      const starts: Array<Running> = []
      const calls: Array<string> = []
      const program = Effect.gen(function* () {
        const corners = yield* makeCorners(WORKSPACES)
        yield* Effect.forEach(corners, setRight)
        const schedules = yield* Effect.forEach(corners, scheduleBackup)
        const isOver = yield* Ref.make(false)
        const start = startWorker(url, makeHandlers(chance, calls), starts)
        const often = <A, E, R>(act: Effect.Effect<A, E, R>, pauseMillis: number) =>
          Effect.gen(function* () {
            while (!(yield* Ref.get(isOver))) {
              yield* Effect.sleep(chance.below(pauseMillis * 2))
              yield* act
            }
          })
        const busy = yield* Effect.forEach(
          [
            often(dispatchOne(corners, chance), 400),
            often(dispatchOne(corners, chance), 400),
            often(cancelOne(chance), 6_000),
            often(retryOne(chance), 6_000),
            often(pauseAWhile(corners, chance), 6_000),
            ...corners.map((corner) => often(changeAuthority(corner, chance), 4_000)),
            ...Array.from({ length: WORKERS }, () => takingTurns(isOver, chance, start))
          ],
          (one) => Effect.forkChild(one)
        )
        yield* Effect.sleep(FOR_MILLIS * SPEED)
        yield* Ref.set(isOver, true)
        for (const one of busy) yield* Fiber.join(one)

        const last = yield* start
        const endedMillis = yield* Clock.currentTimeMillis
        yield* untilSlotsAreDispatched(endedMillis)
        const gate = yield* Countersign
        yield* Effect.forEach(schedules, ({ id }) => gate.removeSchedule(id))
        yield* last.worker.drained
        const runs = yield* allRuns
        const endings = yield* judge(runs, { starts, calls })
        for (const schedule of schedules) judgeSlots(runs, schedule, endedMillis)
        process.stdout.write(`${runs.length} runs: ${JSON.stringify(endings)}, ${calls.length} calls\n`)
        // The soak took place: everything that can happen did.
        for (const state of ["Succeeded", "PartiallySucceeded", "Blocked", "Failed", "Cancelled"]) {
          assert.isAbove(endings[state] ?? 0, 0, state)
        }
      })
      const layerSeen = layerPostgresInbox().pipe(Layer.provideMerge(layerProgram(url, 10, catalogue)))
      yield* Effect.scoped(Effect.provide(program, layerSeen)).pipe(
        Effect.provideService(Clock.Clock, makeFastClock(SPEED))
      )
    }).pipe(Effect.provide(layerSilence)),
  180_000
)
