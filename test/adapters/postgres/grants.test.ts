/** A worker with the least rights does its work, and cannot do what is not its work. */
import { randomBytes } from "node:crypto"
import { layerPostgres, layerPostgresClient, migrate, workerGrants } from "@countersign/adapters"
import {
  asRunning,
  enqueuedOne,
  leaseAt,
  makeWorld,
  moved,
  requirementsOf,
  startStep,
  succeedStep
} from "@countersign/adapters/testing"
import { Facts, Fence, Notices, RunQueue, RunUnreadable, UnitOfWork } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase } from "../../support/postgres.ts"

/** Roles belong to the server, which other tests share. */
const ROLE = `a worker ${randomBytes(6).toString("hex")}`

const work = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const { transact } = yield* UnitOfWork
  const world = yield* makeWorld
  const queued = yield* enqueuedOne(world.dispatch())
  const { subject } = queued.dispatch
  const claim = {
    limit: 10,
    operationTypes: [world.operationType],
    nowMillis: world.atMillis,
    order: "oldest" as const,
    passOver: [],
    fullLanes: []
  }
  const running = yield* transact(
    Effect.gen(function* () {
      yield* (yield* RunQueue).holdNext(claim)
      yield* (yield* Fence).take(new Set([world.workspaceId]))
      yield* (yield* Facts).read([{ subject, requirements: requirementsOf(subject) }])
      return asRunning(yield* moved(startStep(queued, world.atMillis), leaseAt(world.atMillis)))
    })
  )
  yield* moved(succeedStep(running, world.atMillis))
  assert.strictEqual((yield* (yield* Notices).takeDue(world.atMillis, world.atMillis + 1, 10)).length, 1)
  const { dispatch: broken } = yield* enqueuedOne(world.dispatch())
  yield* (yield* RunQueue).quarantine([new RunUnreadable({ runId: broken.id, problem: "none" })], world.atMillis)
  for (const forbidden of [
    sql`INSERT INTO countersign.memberships VALUES ('w', 'u', 'owner')`,
    sql`UPDATE countersign.workspaces SET open = true`,
    sql`UPDATE countersign.decisions SET allowed = true`,
    sql`DELETE FROM countersign.audit_records`,
    sql`ALTER TABLE countersign.runs DISABLE TRIGGER ALL`
  ]) {
    const { reason } = yield* Effect.flip(forbidden)
    assert.strictEqual(reason._tag, "AuthorizationError")
  }
})

it.live("workerGrants are enough for a worker's whole way, and for nothing else", () =>
  Effect.gen(function* () {
    const url = yield* freshDatabase
    const password = "of the worker"
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate()
      yield* Effect.acquireRelease(sql.unsafe(`CREATE ROLE "${ROLE}" LOGIN PASSWORD '${password}'`), () =>
        Effect.orDie(Effect.andThen(sql.unsafe(`DROP OWNED BY "${ROLE}"`), sql.unsafe(`DROP ROLE "${ROLE}"`)))
      )
      for (const grant of workerGrants(ROLE)
        .split(";")
        .filter((text) => text.trim() !== ""))
        yield* sql.unsafe(grant)
      const worker = new URL(url)
      worker.username = ROLE
      worker.password = password
      const client = layerPostgresClient({ url: Redacted.make(worker.href), maxConnections: 2 })
      yield* work.pipe(Effect.provide(layerPostgres().pipe(Layer.provideMerge(client)), { local: true }))
    }).pipe(Effect.scoped, Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 })))
  }).pipe(Effect.scoped)
)
