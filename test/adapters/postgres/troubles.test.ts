/** What goes wrong with a database, told so that a person knows what to do. */
import { createServer } from "node:net"
import { dispatchThrough, layerPostgres, layerPostgresClient, migrate } from "@countersign/adapters"
import { blockStep, enqueuedOne, leaseAt, makeWorld, moved, startStep } from "@countersign/adapters/testing"
import { dispatchStep, RunQueue, RunStore, StoreUnavailable, UnitOfWork } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, Ref, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase, layerFreshDatabase } from "../../support/postgres.ts"
import { layerPorts } from "./support.ts"

const connecting = (url: string) => Effect.flip(Effect.scoped(Layer.build(layerPostgresClient({ url }))))

const changed = (url: string, change: (parsed: URL) => void) => {
  const parsed = new URL(url)
  change(parsed)
  return parsed.href
}

const toMaintenance = (parsed: URL) => {
  parsed.pathname = "/postgres"
}

const freePort = Effect.promise(
  () =>
    new Promise<string>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address()
        server.close(() => resolve(String(typeof address === "object" ? address?.port : 1)))
      })
    })
)

describe("an address that does not work", () => {
  it.live("is refused before it is dialled when it is none, and is not repeated", () =>
    Effect.gen(function* () {
      for (const url of ["", "localhost", "mysql://u:secret@h/d", "postgres://u:secret@h", "postgres://u:secret@h/"]) {
        const error = yield* connecting(url)
        assert.strictEqual(error.trouble, "unreachable")
        assert.notInclude(JSON.stringify([error.message, String(error.cause)]), "secret")
      }
    })
  )

  it.live("a database that lets nobody in at present is away, and not a refusal of what was to be written", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const admin = yield* Layer.build(PgClient.layer({ url: Redacted.make(changed(url, toMaintenance)) }))
      const name = new URL(url).pathname.slice(1)
      const sql = Context.get(admin, PgClient.PgClient)
      yield* sql`ALTER DATABASE ${sql(name)} ALLOW_CONNECTIONS false`
      assert.strictEqual((yield* connecting(url)).trouble, "unreachable")
    }).pipe(Effect.scoped)
  )

  it.live("is told apart: nobody there, wrong password, no such user, no such database", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const port = yield* freePort
      const troubles = yield* Effect.forEach(
        [
          changed(url, (parsed) => {
            parsed.port = port
          }),
          changed(url, (parsed) => {
            parsed.password = "wrong"
          }),
          changed(url, (parsed) => {
            parsed.username = "nobody"
          }),
          changed(url, (parsed) => {
            parsed.pathname = "/no_such_database"
          })
        ],
        connecting
      )
      assert.deepStrictEqual(
        troubles.map(({ trouble }) => trouble),
        ["unreachable", "access_refused", "access_refused", "access_refused"]
      )
      assert.include(troubles[3]?.advice ?? "", "does not exist")
    }).pipe(Effect.scoped)
  )

  it.live("one that works serves the ports, also as through a pooler", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      for (const throughPooler of [false, true]) {
        yield* Effect.flatMap(makeWorld, (world) => enqueuedOne(world.dispatch())).pipe(
          Effect.provide(layerPorts(layerPostgresClient({ url, throughPooler, maxConnections: 2 })), { local: true })
        )
      }
    }).pipe(Effect.scoped)
  )
})

describe("how many connections there may be", () => {
  it.live("a number that is none is refused, and not waited for", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      for (const maxConnections of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const client = Layer.build(layerPostgresClient({ url, maxConnections }))
        assert.include((yield* Effect.flip(Effect.scoped(client))).advice, "maxConnections")
      }
    }).pipe(Effect.scoped)
  )

  it.live("a single one is not kept by whoever listens for work", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      yield* Effect.gen(function* () {
        const { wakes } = yield* RunQueue
        const { list } = yield* RunStore
        const listening = yield* Effect.forkChild(Stream.runDrain(wakes), { startImmediately: true })
        yield* Effect.timeout(list({ limit: 1 }), "20 seconds")
        yield* Fiber.interrupt(listening)
      }).pipe(Effect.provide(layerPorts(layerPostgresClient({ url, maxConnections: 1 })), { local: true }))
    }).pipe(Effect.scoped)
  )
})

describe("a store that does not do what it is asked", () => {
  it.live("names tables that are gone, and the command that brings them back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const store = yield* RunStore
      yield* sql`DROP SCHEMA countersign CASCADE`
      const error = yield* Effect.flip(store.list({ limit: 1 }))
      assert.strictEqual(error.trouble, "schema_mismatch")
      assert.include(error.message, "countersign migrate")
    }).pipe(Effect.provide(layerPorts(layerFreshDatabase())))
  )

  it.live("rejects what the guard refuses, and writes nothing of it", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const forged = { ...startStep(queued, world.atMillis), decision: null }
      const error = yield* Effect.flip(store.write([forged], leaseAt(world.atMillis)))
      assert.strictEqual(error.trouble, "rejected")
      assert.deepStrictEqual(yield* store.find(queued.dispatch.id), queued)
    }).pipe(Effect.provide(layerPorts(layerFreshDatabase())))
  )

  it.live("makes a unit of work again that lost against another one", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const [a, b] = [yield* enqueuedOne(world.dispatch()), yield* enqueuedOne(world.dispatch())]
      const attempts = yield* Ref.make(0)
      const met = yield* Deferred.make<void>()
      const holding = (first: typeof a, second: typeof a) =>
        transact(
          Effect.gen(function* () {
            yield* Ref.update(attempts, (n) => n + 1)
            yield* store.hold(first.dispatch.id)
            if ((yield* Ref.get(attempts)) >= 2) yield* Deferred.succeed(met, undefined)
            yield* Deferred.await(met)
            yield* store.hold(second.dispatch.id)
          })
        )
      yield* sql`SELECT 1`
      yield* Effect.all([holding(a, b), holding(b, a)], { concurrency: 2 })
      assert.strictEqual(yield* Ref.get(attempts), 3)
    }).pipe(Effect.provide(layerPorts(layerFreshDatabase())))
  )

  it.live("and one whose view of the rows another one has overtaken", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { transact } = yield* UnitOfWork
      const store = yield* RunStore
      const world = yield* makeWorld
      const queued = yield* enqueuedOne(world.dispatch())
      const attempts = yield* Ref.make(0)
      const looked = yield* Deferred.make<void>()
      const overtaken = yield* Deferred.make<void>()
      const unit = transact(
        Effect.gen(function* () {
          yield* Ref.update(attempts, (n) => n + 1)
          yield* sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`
          yield* store.find(queued.dispatch.id)
          yield* Deferred.succeed(looked, undefined)
          yield* Deferred.await(overtaken)
          return yield* store.hold(queued.dispatch.id)
        })
      )
      const holding = yield* Effect.forkChild(unit)
      yield* Effect.raceFirst(Deferred.await(looked), Fiber.join(holding))
      yield* moved(blockStep(queued, world.atMillis))
      yield* Deferred.succeed(overtaken, undefined)
      assert.strictEqual((yield* Fiber.join(holding))._tag, "Blocked")
      assert.strictEqual(yield* Ref.get(attempts), 2)
    }).pipe(Effect.provide(layerPorts(layerFreshDatabase())))
  )

  it.live("says so when a transaction that swallowed an error cannot commit", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { transact } = yield* UnitOfWork
      const error = yield* Effect.flip(transact(Effect.ignore(sql`SELECT 1 / 0`)))
      assert.instanceOf(error, StoreUnavailable)
    }).pipe(Effect.provide(layerPorts(layerFreshDatabase())))
  )
})

describe("a connection that is lost", () => {
  it.live("is told as that, and not as a refusal, by whatever code a driver has for it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      const steps = [dispatchStep(world.dispatch())]
      const troubleOf = (code: string) =>
        Effect.map(
          Effect.flip(dispatchThrough(() => Promise.reject(Object.assign(new Error(code), { code })))(steps)),
          ({ trouble }) => trouble
        )
      for (const code of ["ECONNRESET", "EPIPE", "08006", "57P05", "25P03", "25P04", "58030"]) {
        assert.strictEqual(yield* troubleOf(code), "unreachable", code)
      }
      for (const code of ["23514", "22P05", "P0001", "XX000"])
        assert.strictEqual(yield* troubleOf(code), "rejected", code)
    })
  )

  it.live("in the middle of a transaction is no defect, and hides nothing that failed there", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const killer = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
      const kill = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const [row] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
        yield* Context.get(killer, PgClient.PgClient)`SELECT pg_terminate_backend(${row?.pid ?? 0}, 5000)`
      })
      yield* Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const { list } = yield* RunStore
        const listing = Effect.andThen(kill, list({ limit: 1 }))
        for (const unit of [transact(listing), transact(transact(listing)), transact(kill), transact(transact(kill))]) {
          const error = yield* Effect.flip(unit)
          assert.instanceOf(error, StoreUnavailable)
          assert.strictEqual(error.trouble, "unreachable")
        }
        assert.strictEqual(yield* Effect.flip(transact(Effect.andThen(kill, Effect.fail("mine")))), "mine")
        const died = yield* Effect.exit(transact(Effect.andThen(kill, Effect.die("a bug"))))
        assert.deepStrictEqual(died, Exit.die("a bug"))
      }).pipe(Effect.provide(layerPorts(layerPostgresClient({ url, maxConnections: 1 })), { local: true }))
    }).pipe(Effect.scoped)
  )

  it.live("is replaced, and wakes are heard again", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const admin = PgClient.layer({ url: Redacted.make(url), maxConnections: 1, applicationName: "the killer" })
      const killing = Effect.flatMap(
        SqlClient.SqlClient,
        (sql) => sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'countersign' AND pid <> pg_backend_pid()`
      ).pipe(Effect.provide(admin, { local: true }))
      yield* Effect.gen(function* () {
        const queue = yield* RunQueue
        const store = yield* RunStore
        const heard = yield* Ref.make(0)
        const listening = yield* Effect.forkChild(Stream.runForEach(queue.wakes, () => Ref.update(heard, (n) => n + 1)))
        const until = (least: number): Effect.Effect<void> =>
          Effect.flatMap(Ref.get(heard), (n) =>
            n >= least ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), until(least))
          )
        yield* Effect.timeout(until(1), "10 seconds")
        yield* killing
        // Listening began again, which is a wake of its own.
        yield* Effect.timeout(until(2), "20 seconds")
        const world = yield* makeWorld
        yield* Effect.retry(enqueuedOne(world.dispatch()), { times: 5 })
        yield* Effect.timeout(until(3), "10 seconds")
        yield* store.list({ limit: 1 })
        yield* Fiber.interrupt(listening)
      }).pipe(
        Effect.provide(
          layerPostgres().pipe(
            Layer.provide(Layer.effectDiscard(migrate())),
            Layer.provideMerge(layerPostgresClient({ url, maxConnections: 3 }))
          )
        )
      )
    }).pipe(Effect.scoped)
  )
})
