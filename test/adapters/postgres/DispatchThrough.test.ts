/** Dispatch in a host's own transaction, with the drivers hosts have. */
import { dispatchThrough, layerPostgres, migrate, migrationScript, type Query } from "@countersign/adapters"
import { makeWorld } from "@countersign/adapters/testing"
import { AuditLog, dispatchStep, failDispatchStep, RunStore } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { PGlite } from "@electric-sql/pglite"
import { Effect, Layer, Queue, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Client } from "pg"
import { freshDatabase } from "../../support/postgres.ts"

const connected = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

const queryOf =
  (client: Client): Query =>
  (text, values) =>
    client.query(text, values)

/** A migrated database with the ports over it, and a node-postgres client of its own beside them. */
const withHost = <A, E>(
  test: (client: Client) => Effect.Effect<A, E, RunStore | AuditLog | SqlClient.SqlClient | PgClient.PgClient>
) =>
  Effect.gen(function* () {
    const url = yield* freshDatabase
    const client = yield* connected(url)
    const ports = layerPostgres().pipe(
      Layer.provide(Layer.effectDiscard(migrate())),
      Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 }))
    )
    // The ports are built before the test begins: the host's client needs the tables too.
    yield* Effect.provide(
      Effect.andThen(RunStore, () => test(client)),
      ports
    )
  }).pipe(Effect.scoped)

const isMissing = (id: Parameters<RunStore["Service"]["find"]>[0]) =>
  Effect.gen(function* () {
    const store = yield* RunStore
    assert.strictEqual((yield* Effect.flip(store.find(id)))._tag, "RunNotFound")
  })

it.live("refuses what no statement can say, and asks nobody", () =>
  Effect.gen(function* () {
    const world = yield* makeWorld
    const dispatch = dispatchThrough(() => Promise.reject(new Error("asked")))
    const steps = [world.dispatch(), world.dispatch({ expiresAtMillis: Number.NaN })].map((one) => dispatchStep(one))
    const error = yield* Effect.flip(dispatch(steps))
    assert.strictEqual(error.trouble, "rejected")
    assert.include(error.advice, "instant")
  })
)

describe("dispatchThrough node-postgres", () => {
  it.live("commits with the host's own rows, and wakes workers then", () =>
    withHost((client) =>
      Effect.gen(function* () {
        const pg = yield* PgClient.PgClient
        const heard = yield* pg.listen("countersign_work")
        const world = yield* makeWorld
        const { id } = world.dispatch()
        const step = dispatchStep(world.dispatch({ id }))
        yield* Effect.promise(() => client.query("CREATE TABLE orders (run_id uuid)"))
        yield* Effect.promise(() => client.query("BEGIN"))
        yield* Effect.promise(() => client.query("INSERT INTO orders VALUES ($1)", [id]))
        const answers = yield* dispatchThrough(queryOf(client))([step])
        assert.deepStrictEqual(answers, [{ run: step.run, deduped: false }])
        yield* isMissing(id)
        assert.strictEqual(yield* Queue.size(heard), 0)
        yield* Effect.promise(() => client.query("COMMIT"))
        assert.deepStrictEqual(yield* (yield* RunStore).find(id), step.run)
        assert.deepStrictEqual(yield* (yield* AuditLog).recordsOf(id), [step.audit])
        assert.strictEqual((yield* Queue.take(heard)).payload, "")
      }).pipe(Effect.scoped)
    )
  )

  it.live("wakes workers once, however many runs come together", () =>
    withHost((client) =>
      Effect.gen(function* () {
        const heard = yield* (yield* PgClient.PgClient).listen("countersign_work")
        const store = yield* RunStore
        const world = yield* makeWorld
        const many = () => Array.from({ length: 2_500 }, () => dispatchStep(world.dispatch()))
        const last = Effect.promise(() => client.query("NOTIFY countersign_work, 'last'"))
        yield* store.dispatch(many())
        yield* Effect.promise(() => client.query("BEGIN"))
        yield* dispatchThrough(queryOf(client))(many())
        yield* Effect.promise(() => client.query("COMMIT"))
        yield* last
        const wakes = yield* Effect.replicateEffect(Queue.take(heard), 3)
        assert.deepStrictEqual(
          wakes.map(({ payload }) => payload),
          ["", "", "last"]
        )
      }).pipe(Effect.scoped)
    )
  )

  it.live("takes several statements for payloads that are too long for one", () =>
    withHost((client) =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const steps = Array.from({ length: 30 }, (_, at) =>
          dispatchStep(world.dispatch({ payload: `${at}${"x".repeat(700_000)}` }))
        )
        const longest: Array<number> = []
        const counting: Query = (text, values) => {
          longest.push(Math.max(...values.map(({ length }) => length)))
          return client.query(text, values)
        }
        const answers = yield* dispatchThrough(counting)(steps)
        assert.deepStrictEqual(
          answers.map(({ run, deduped }) => [run.dispatch.id, deduped]),
          steps.map(({ run }) => [run.dispatch.id, false])
        )
        assert.strictEqual(longest.length, 2)
        assert.isBelow(Math.max(...longest), 16 * 1024 * 1024)
        const { runs } = yield* (yield* RunStore).list({ workspaceId: world.workspaceId, limit: 100 })
        assert.strictEqual(runs.length, 30)
      })
    )
  )

  it.live("leaves nothing when the host rolls back", () =>
    withHost((client) =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const step = dispatchStep(world.dispatch())
        yield* Effect.promise(() => client.query("BEGIN"))
        yield* dispatchThrough(queryOf(client))([step])
        yield* Effect.promise(() => client.query("ROLLBACK"))
        yield* isMissing(step.run.dispatch.id)
      })
    )
  )

  it.live("answers with the active run of the same identity, whichever driver stored it", () =>
    withHost((client) =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const first = dispatchStep(world.dispatch({ identity: "one", payload: { at: [1, null, "x"] } }))
        const failed = failDispatchStep(world.dispatch({ identity: "one" }), "the queue is away")
        const again = dispatchStep(world.dispatch({ identity: "one" }))
        const other = dispatchStep(world.dispatch({ identity: "two" }))
        yield* store.dispatch([first])
        const answers = yield* dispatchThrough(queryOf(client))([failed, again, other, other])
        assert.deepStrictEqual(answers, [
          { run: failed.run, deduped: false },
          { run: first.run, deduped: true },
          { run: other.run, deduped: false },
          { run: other.run, deduped: true }
        ])
      })
    )
  )

  it.live("says what the database had against it", () =>
    Effect.gen(function* () {
      const client = yield* connected(yield* freshDatabase)
      const world = yield* makeWorld
      const error = yield* Effect.flip(dispatchThrough(queryOf(client))([dispatchStep(world.dispatch())]))
      assert.strictEqual(error.trouble, "schema_mismatch")
      yield* Effect.promise(() => client.end())
      const gone = yield* Effect.flip(dispatchThrough(queryOf(client))([dispatchStep(world.dispatch())]))
      assert.strictEqual(gone.operation, "dispatch runs")
    }).pipe(Effect.scoped)
  )
})

describe("dispatchThrough PGlite", () => {
  it.live("joins its transaction", () =>
    Effect.gen(function* () {
      const engine = yield* Effect.acquireRelease(
        Effect.promise(() => PGlite.create()),
        (engine) => Effect.promise(() => engine.close())
      )
      yield* Effect.promise(() => engine.exec(migrationScript()))
      const world = yield* makeWorld
      const [kept, dropped] = [dispatchStep(world.dispatch()), dispatchStep(world.dispatch())]
      const context = yield* Effect.context<never>()
      const run = Effect.runPromiseWith(context)
      yield* Effect.promise(() =>
        engine.transaction((tx) => run(dispatchThrough((text, values) => tx.query(text, values))([kept])))
      )
      yield* Effect.promise(() =>
        engine.transaction(async (tx) => {
          await run(dispatchThrough((text, values) => tx.query(text, values))([dropped]))
          await tx.rollback()
        })
      )
      const stored = yield* Effect.promise(() => engine.query("SELECT id FROM countersign.runs"))
      assert.deepStrictEqual(stored.rows, [{ id: kept.run.dispatch.id }])
    }).pipe(Effect.scoped)
  )
})

describe("dispatch by a host on Effect", () => {
  it.live("is part of the host's transaction", () =>
    withHost(() =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const store = yield* RunStore
        const world = yield* makeWorld
        const [kept, dropped] = [dispatchStep(world.dispatch()), dispatchStep(world.dispatch())]
        yield* sql.withTransaction(store.dispatch([kept]))
        yield* Effect.flip(sql.withTransaction(Effect.andThen(store.dispatch([dropped]), Effect.fail("no"))))
        assert.deepStrictEqual(yield* store.find(kept.run.dispatch.id), kept.run)
        yield* isMissing(dropped.run.dispatch.id)
      })
    )
  )
})
