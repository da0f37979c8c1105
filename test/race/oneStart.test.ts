/** `two_workers_one_start`, raced on a real server: many workers, deliveries by outside queues, and cancellations at once. */
import { AuditLog, isCompleted, type Notice, type RunId, type Running, RunStore } from "@countersign/domain"
import { admitThese, Countersign, Handler, inventorySync, sampleCatalogue, type WorkerEvent } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { freshDatabase } from "../support/postgres.ts"
import { flawOf } from "../worker/support/story.ts"
import { makeChance } from "./support/chance.ts"
import { makeCorners, syncOf } from "./support/corner.ts"
import { layerProgram, migrated, startProgram } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

const WORKERS = 5
const RUNS = 400

it.live(
  "two_workers_one_start, with many workers, redeliveries and cancellations at the same time",
  () =>
    Effect.gen(function* () {
      const chance = makeChance("two_workers_one_start")
      const url = yield* freshDatabase
      yield* migrated(url)
      const starts: Array<Running> = []
      const calls: Array<RunId> = []
      const delivered: Array<Notice> = []
      const observe = (event: WorkerEvent) =>
        Effect.sync(() => {
          if (event._tag === "Started") starts.push(event.run)
        })
      const handler = Handler.make(inventorySync, (_, { runId }) =>
        Effect.sync(() => {
          calls.push(runId)
          return { items: 0 }
        })
      )

      yield* Effect.gen(function* () {
        const corners = yield* makeCorners(4)
        const gate = yield* Countersign
        const ids = yield* Effect.forEach(
          Array.from({ length: RUNS }),
          () => Effect.map(gate.dispatch(syncOf(chance.oneOf(corners))), ({ run }) => run.dispatch.id),
          { concurrency: 8 }
        )

        /** An outside queue that delivers the same ids to several programs, whose admissions go to nobody. */
        const redelivering = Effect.gen(function* () {
          const admitted: Array<Running> = []
          for (let round = 0; round < 20; round += 1) {
            const nowMillis = yield* Clock.currentTimeMillis
            const some = Array.from({ length: 10 }, () => chance.oneOf(ids))
            const { started } = yield* admitThese(some, {
              catalogue: sampleCatalogue,
              lease: { holder: "outside", untilMillis: nowMillis + 500 },
              nowMillis,
              retryFactsAtMillis: nowMillis
            })
            admitted.push(...started)
          }
          return admitted
        })
        const cancelling = Effect.forEach(
          Array.from({ length: 40 }, () => chance.oneOf(ids)),
          (id) => Effect.ignore(gate.cancel(id, { kind: "integration", id: null })),
          { concurrency: 4 }
        )
        const outside = yield* Effect.forEach([redelivering, redelivering, Effect.as(cancelling, [])], (program) =>
          Effect.forkChild(program)
        )
        const workers = yield* Effect.forEach(
          Array.from({ length: WORKERS }),
          (_, at) =>
            startProgram(url, delivered, {
              handlers: [handler],
              observe,
              leaseMillis: 1_000,
              batch: 1 + chance.below(30),
              concurrency: 1 + chance.below(20),
              name: `worker ${at}`
            }),
          { concurrency: "unbounded" }
        )
        const elsewhere = (yield* Effect.forEach(outside, Fiber.join)).flat()
        yield* Effect.forEach(workers, ({ worker }) => worker.drained, { concurrency: "unbounded" })

        const started = [...starts, ...elsewhere].map(({ dispatch, admission }) => `${dispatch.id} ${admission}`)
        assert.strictEqual(new Set(started).size, started.length, "two starts under one admission")
        assert.deepStrictEqual(calls.toSorted(), starts.map(({ dispatch }) => dispatch.id).toSorted())

        const log = yield* AuditLog
        const { runs } = yield* (yield* RunStore).list({ limit: 1_000 })
        assert.strictEqual(runs.length, RUNS)
        for (const run of runs) {
          assert.isTrue(isCompleted(run), run._tag)
          assert.isNull(flawOf(run, yield* log.recordsOf(run.dispatch.id)))
          assert.strictEqual(delivered.filter(({ runId }) => runId === run.dispatch.id).length, 1)
          // Every start is on record, once. On a machine so busy that an admission outlasts its lease, more are: that worker left
          // its runs alone.
          const recorded = (yield* log.recordsOf(run.dispatch.id))
            .filter(({ action }) => action === "run.started")
            .map(({ admission }) => `${run.dispatch.id} ${admission}`)
          assert.strictEqual(new Set(recorded).size, recorded.length)
          assert.includeMembers(
            recorded,
            started.filter((one) => one.startsWith(run.dispatch.id))
          )
        }
        process.stdout.write(`${calls.length} calls, ${elsewhere.length} starts elsewhere\n`)
      }).pipe(Effect.provide(layerProgram(url, 12)))
    }).pipe(Effect.provide(layerSilence)),
  120_000
)
