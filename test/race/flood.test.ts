/** One tenant's flood starves nobody: 100,000 of its runs wait, and a run of another tenant starts within the next few batches. */
import { type RunId, RunQueue } from "@countersign/domain"
import { Countersign, Handler, inventorySync, type WorkerEvent } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { Ports } from "../adapters/postgres/support.ts"
import { freshDatabase } from "../support/postgres.ts"
import { type Corner, makeCorners, syncOf } from "./support/corner.ts"
import { layerProgram, migrated, startProgram } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

const FLOOD = 100_000
/** In the first the flood alone is claimed, perhaps, and the next is fair; one more for a claim that was under way. */
const BATCHES = 3

/** So many runs of a corner, dispatched long ago; past the port, since it takes seconds. */
const flooded = (corner: Corner, priority: number) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`INSERT INTO countersign.runs (id, workspace_id, tenant_id, provider_connection_id, operation_type,
      authority_mode, initiator_id, actor_kind, payload, identity, max_attempts, priority, attempt, admission, dispatched_at,
      available_at, expires_at, counts, status, outcome)
    SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid, ${corner.workspaceId}, ${corner.tenantId},
      ${corner.providerConnectionId}, ${inventorySync.type}, 'actor_bound', ${corner.initiator}, 'human',
      jsonb_build_object('scope', 'flood ' || n), 'flood ' || n, 3, ${priority}::integer, 1, 1, '2026-01-01', '2026-01-01',
      '2100-01-01', '{}', 'queued', 'pending' FROM generate_series(1, ${FLOOD}::integer) n`
  )

/** Counts the claims that gave something. */
const counting = (count: () => void): Layer.Layer<Ports, never, Ports> =>
  Layer.effectContext(
    Effect.map(Effect.context<Ports>(), (ports) => {
      const queue = Context.get(ports, RunQueue)
      const holdNext: RunQueue["Service"]["holdNext"] = (claim) =>
        Effect.tap(queue.holdNext(claim), ({ runs }) => Effect.sync(() => runs.length > 0 && count()))
      return Context.add(ports, RunQueue, { ...queue, holdNext })
    })
  )

it.live(
  "a run of another tenant starts within the next few batches of a flood, also where the flood has priority or is paused",
  () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      yield* migrated(url)
      yield* Effect.gen(function* () {
        const [flood, other] = yield* makeCorners(2)
        assert(flood && other)
        const gate = yield* Countersign
        yield* flooded(flood, 0)

        let batches = 0
        const started = new Map<RunId, number>()
        const waits = new Map<RunId, Deferred.Deferred<void>>()
        const begun = yield* Deferred.make<void>()
        const observe = (event: WorkerEvent) =>
          Effect.gen(function* () {
            if (event._tag !== "Started") return
            const { id } = event.run.dispatch
            started.set(id, batches)
            const wait = waits.get(id)
            if (wait !== undefined) yield* Deferred.succeed(wait, undefined)
            if (batches > 3) yield* Deferred.succeed(begun, undefined)
          })
        const worker = yield* startProgram(
          url,
          [],
          {
            handlers: [Handler.make(inventorySync, () => Effect.succeed({ items: 0 }))],
            observe,
            batch: 20,
            concurrency: 20
          },
          counting(() => {
            batches += 1
          })
        )

        /** Dispatches a run of the other tenant, waits until it starts, and says in which batch after the dispatch. */
        const batchOfStart = Effect.gen(function* () {
          const { run } = yield* gate.dispatch({ ...syncOf(other), priority: "low" })
          const { id } = run.dispatch
          const at = batches
          const wait = yield* Deferred.make<void>()
          waits.set(id, wait)
          if (!started.has(id)) yield* Deferred.await(wait)
          return (started.get(id) ?? 0) - at
        })

        yield* Deferred.await(begun)
        for (let round = 0; round < 5; round += 1) assert.isAtMost(yield* batchOfStart, BATCHES)

        // A paused flood stands in front of everybody, and is not walked over.
        yield* gate.pause({ workspaceId: flood.workspaceId, by: "ada", reason: "too much" })
        for (let round = 0; round < 5; round += 1) assert.isAtMost(yield* batchOfStart, BATCHES)
        yield* worker.stop
        process.stdout.write(`${batches} batches\n`)
      }).pipe(Effect.provide(layerProgram(url)))
    }).pipe(Effect.scoped, Effect.provide(layerSilence)),
  120_000
)
