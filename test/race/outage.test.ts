/**
 * A server that goes away and comes back, in every way a server can: no run is lost, none is started twice under one
 * admission, and the workers recover by themselves.
 */
import { AuditLog, isCompleted, type Notice, type RunId, type Running, RunStore } from "@countersign/domain"
import { Countersign, Handler, inventorySync, type WorkerEvent } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schedule } from "effect"
import { flawOf } from "../worker/support/story.ts"
import { type Chance, makeChance } from "./support/chance.ts"
import { type Corner, makeCorners, syncOf } from "./support/corner.ts"
import { type OwnServer, ownServer } from "./support/ownServer.ts"
import { layerProgram, migrated, startProgram } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

/** Until the server answers. */
const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("200 millis"), times: 150 })

/** Dispatches until told to stop; answers with what was certainly stored. */
const dispatching = Effect.fnUntraced(function* (
  corners: ReadonlyArray<Corner>,
  chance: Chance,
  isOver: Ref.Ref<boolean>
) {
  const gate = yield* Countersign
  const stored: Array<RunId> = []
  while (!(yield* Ref.get(isOver))) {
    yield* Effect.matchEffect(gate.dispatch(syncOf(chance.oneOf(corners))), {
      onSuccess: ({ run }) => Effect.sync(() => stored.push(run.dispatch.id)),
      // The host is told, and it is the host's to try again.
      onFailure: (error) => Effect.sync(() => assert.strictEqual(error._tag, "StoreUnavailable"))
    }).pipe(Effect.timeoutOption("2 seconds"))
    yield* Effect.sleep(5 + chance.below(40))
  }
  return stored
})

const outages: ReadonlyArray<readonly [string, (server: OwnServer, chance: Chance) => Effect.Effect<void>]> = [
  [
    "is stopped and started",
    (server) => server.stop.pipe(Effect.andThen(Effect.sleep(700)), Effect.andThen(server.start))
  ],
  [
    "is killed and recovers",
    (server) => server.kill.pipe(Effect.andThen(Effect.sleep(500)), Effect.andThen(server.start))
  ],
  [
    "answers nobody for a while",
    (server, chance) =>
      server.freeze.pipe(Effect.andThen(Effect.sleep(1_000 + chance.below(3_000))), Effect.andThen(server.thaw))
  ]
]

describe("a server that", () => {
  for (const [what, outage] of outages) {
    it.live(
      `${what}, twice in the middle of the work`,
      () =>
        Effect.gen(function* () {
          const chance = makeChance(`a server that ${what}`)
          const server = yield* ownServer
          yield* server.start
          yield* patiently(migrated(server.url))
          const starts: Array<Running> = []
          const calls: Array<string> = []
          const delivered: Array<Notice> = []
          const observe = (event: WorkerEvent) =>
            Effect.sync(() => {
              if (event._tag === "Started") starts.push(event.run)
            })
          const handler = Handler.make(inventorySync, (_, context) =>
            Effect.gen(function* () {
              calls.push(context.runId)
              yield* Effect.sleep(chance.below(100))
              if (chance.below(4) === 0) yield* context.checkpoint
              return { items: 0 }
            })
          )
          yield* Effect.gen(function* () {
            const corners = yield* makeCorners(3)
            const isOver = yield* Ref.make(false)
            const workers = yield* Effect.forEach([0, 1, 2], () =>
              startProgram(server.url, delivered, { handlers: [handler], observe, leaseMillis: 2_000, concurrency: 5 })
            )
            const dispatches = yield* Effect.forkChild(dispatching(corners, chance, isOver))
            for (let round = 0; round < 2; round += 1) {
              yield* Effect.sleep(700 + chance.below(800))
              yield* outage(server, chance)
            }
            yield* Effect.sleep(1_000)
            yield* Ref.set(isOver, true)
            const stored = yield* Fiber.join(dispatches)
            yield* Effect.forEach(workers, ({ worker }) => patiently(worker.drained), { concurrency: "unbounded" })

            const log = yield* AuditLog
            const { runs } = yield* patiently(Effect.flatMap(RunStore, (store) => store.list({ limit: 1_000 })))
            const known = new Set(runs.map((run) => run.dispatch.id))
            for (const id of stored) assert.isTrue(known.has(id), `run ${id} was lost`)
            const admissions = starts.map(({ dispatch, admission }) => `${dispatch.id} ${admission}`)
            assert.strictEqual(new Set(admissions).size, admissions.length, "two starts under one admission")
            assert.strictEqual(calls.length, starts.length)
            const ends: Record<string, number> = {}
            for (const run of runs) {
              assert.isTrue(isCompleted(run), run._tag)
              assert.isNull(flawOf(run, yield* log.recordsOf(run.dispatch.id)))
              const end = run._tag === "Failed" ? run.failure.code : run._tag
              ends[end] = (ends[end] ?? 0) + 1
              assert.isAtLeast(delivered.filter(({ runId }) => runId === run.dispatch.id).length, 1)
            }
            process.stdout.write(`${runs.length} runs: ${JSON.stringify(ends)}, ${calls.length} calls\n`)
            // Work that succeeded is never told as having failed: only silence may use up attempts.
            for (const end of Object.keys(ends)) assert.include(["Succeeded", "run.stale_running"], end)
            assert.isAbove(runs.length, 5)
          }).pipe(Effect.provide(layerProgram(server.url, 6)))
        }).pipe(Effect.provide(layerSilence)),
      180_000
    )
  }

  it.live(
    "is not there when the worker's connections were made but is when work is to be done",
    () =>
      Effect.gen(function* () {
        const server = yield* ownServer
        yield* server.start
        yield* patiently(migrated(server.url))
        const delivered: Array<Notice> = []
        const handler = Handler.make(inventorySync, () => Effect.succeed({ items: 0 }))
        yield* Effect.gen(function* () {
          const [corner] = yield* makeCorners(1)
          if (corner === undefined) return assert.fail("no corner")
          const gate = yield* Countersign
          const { run } = yield* gate.dispatch(syncOf(corner))
          yield* server.stop
          const started = yield* Effect.forkChild(
            patiently(startProgram(server.url, delivered, { handlers: [handler] }))
          )
          yield* Effect.sleep(1_000)
          yield* server.start
          const { worker } = yield* Fiber.join(started)
          yield* patiently(worker.drained)
          assert.strictEqual((yield* patiently(gate.find(run.dispatch.id)))._tag, "Succeeded")
        }).pipe(Effect.provide(layerProgram(server.url, 6)))
      }).pipe(Effect.provide(layerSilence)),
    120_000
  )
})
