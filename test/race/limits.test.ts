/** `limits_are_never_exceeded`, raced on a real server: several workers and an outside queue admit runs of a limited operation. */
import { Catalogue, Operation } from "@countersign/domain"
import { admitThese, Countersign, Handler } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase } from "../support/postgres.ts"
import { makeChance } from "./support/chance.ts"
import { makeCorners } from "./support/corner.ts"
import { layerProgram, migrated, startProgram } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

const TOTAL = 3
const PER_TENANT = 2
const WORKERS = 4
const RUNS = 120

/** Enough for those whom the outside queue takes and abandons, however often. */
const attempts = { maxAttempts: 100, backoffMillis: 1, backoffMaxMillis: 10 }

const limited = Operation.make({
  type: "limited",
  capability: "inventory.sync",
  payload: Schema.Struct({ n: Schema.Int }),
  result: Schema.Void,
  attempts,
  concurrency: { total: TOTAL, perTenant: PER_TENANT }
})
const unlimited = Operation.make({
  type: "unlimited",
  capability: "inventory.sync",
  payload: Schema.Struct({ n: Schema.Int }),
  result: Schema.Void,
  attempts
})
const catalogue = Catalogue.make([limited, unlimited])

it.live(
  "limits are never exceeded, over all workers, and nothing waits for ever",
  () =>
    Effect.gen(function* () {
      const chance = makeChance("limits_are_never_exceeded")
      const url = yield* freshDatabase
      yield* migrated(url)
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const corners = yield* makeCorners(3)
        const gate = yield* Countersign
        const ids = yield* Effect.forEach(
          Array.from({ length: RUNS }, (_, n) => n),
          (n) => {
            const operation = n % 4 === 0 ? unlimited : limited
            return Effect.map(
              gate.dispatch({ ...chance.oneOf(corners), operation, payload: { n } }),
              ({ run }) => run.dispatch.id
            )
          },
          { concurrency: 8 }
        )

        let most = 0
        const exceeded: Array<unknown> = []
        /** What the database says, which is what counts: the handlers are behind it. */
        const watched = Effect.gen(function* () {
          const rows = yield* sql<{ readonly tenant_id: string; readonly running: number }>`
            SELECT tenant_id, count(*)::integer AS running FROM countersign.runs
            WHERE status = 'running' AND operation_type = 'limited' GROUP BY tenant_id`
          const total = rows.reduce((sum, { running }) => sum + running, 0)
          most = Math.max(most, total)
          // Kept, since a handler that fails is only tried again.
          if (total > TOTAL || rows.some(({ running }) => running > PER_TENANT)) exceeded.push(rows)
        })
        const atWork = Effect.sleep(1 + chance.below(4))
        const handlers = [
          Handler.make(limited, () => Effect.andThen(Effect.orDie(watched), atWork)),
          Handler.make(unlimited, () => atWork)
        ]

        /** Its runs are never carried out: their leases end, and they are taken back. */
        const delivering = Effect.gen(function* () {
          for (let round = 0; round < 10; round += 1) {
            const nowMillis = yield* Clock.currentTimeMillis
            yield* admitThese(
              Array.from({ length: 8 }, () => chance.oneOf(ids)),
              {
                catalogue,
                lease: { holder: "outside", untilMillis: nowMillis + 100 },
                nowMillis,
                retryFactsAtMillis: nowMillis
              }
            )
            yield* watched
          }
        })

        const outside = yield* Effect.forkChild(delivering)
        const workers = yield* Effect.forEach(
          Array.from({ length: WORKERS }),
          (_, at) =>
            startProgram(url, [], {
              catalogue,
              handlers,
              leaseMillis: 1_000,
              batch: 1 + chance.below(20),
              concurrency: 2 + chance.below(10),
              name: `worker ${at}`
            }),
          { concurrency: "unbounded" }
        )
        yield* Fiber.join(outside)
        yield* Effect.forEach(workers, ({ worker }) => worker.drained, { concurrency: "unbounded" })
        const { runs } = yield* gate.list({ limit: 1_000, outcome: "succeeded" })
        assert.deepStrictEqual(exceeded, [])
        assert.strictEqual(runs.length, RUNS)
        // Had it never been reached, nothing would be shown.
        assert.strictEqual(most, TOTAL)
      }).pipe(Effect.provide(layerProgram(url, 8, catalogue)))
    }).pipe(Effect.scoped, Effect.provide(layerSilence)),
  120_000
)
