import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, type Layer, Queue, Result, Stream } from "effect"
import type { SqlClient } from "effect/sql"

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

/** What a client may rely on, whichever way it reaches PostgreSQL. */
export const behavesAsPostgres = (
  name: string,
  database: Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, unknown>
) =>
  layer(database, { excludeTestServices: true })(`a PostgreSQL client: ${name}`, (it) => {
    const table = Effect.fnUntraced(function* (columns: string) {
      const sql = yield* PgClient.PgClient
      const table = sql(`t_${crypto.randomUUID()}`)
      yield* sql`CREATE TABLE ${table} (${sql.literal(columns)})`
      return table
    })

    it.effect("reads values of each type as JavaScript expects them", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql`
          SELECT 1::int4 AS small, 9007199254740993::int8 AS large, 1.50::numeric AS exact, true AS yes, NULL AS nothing,
            '2030-01-02T03:04:05.678Z'::timestamptz AS at, '{"a":[1,null]}'::jsonb AS document, ARRAY['x','y'] AS words`
        assert.deepStrictEqual(rows, [
          {
            small: 1,
            large: 9007199254740993n,
            exact: "1.50",
            yes: true,
            nothing: null,
            at: new Date("2030-01-02T03:04:05.678Z"),
            document: { a: [1, null] },
            words: ["x", "y"]
          }
        ])
      })
    )

    it.effect("takes arrays, documents, dates and nothing as parameters", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const at = new Date("2030-01-02T03:04:05.678Z")
        const ids = [crypto.randomUUID(), crypto.randomUUID()]
        const empty: ReadonlyArray<string> = []
        const rows = yield* sql`
          SELECT ${ids}::text[]::uuid[] AS ids, ${empty}::text[] AS none, ${[1, 2]}::int8[] AS numbers, ${at}::timestamptz AS at,
            ${sql.json({ a: [1, "é"] })} AS document, ${null}::text AS nothing, 'b' = ANY(${["a", "b"]}) AS found`
        assert.deepStrictEqual(rows, [
          { ids, none: [], numbers: [1n, 2n], at, document: { a: [1, "é"] }, nothing: null, found: true }
        ])
      })
    )

    it.effect("carries megabytes in both directions", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const documents = yield* table("document jsonb NOT NULL")
        const document = { text: "ünïcode ".repeat(250_000) }
        const [stored] =
          yield* sql`INSERT INTO ${documents} (document) VALUES (${sql.json(document)}) RETURNING document`
        assert.deepStrictEqual(stored, { document })
      })
    )

    it.effect("gives a row that is larger than the driver takes by itself, as a run may be", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const length = 17 * 1024 * 1024
        const [row] = yield* sql<{ readonly large: string }>`SELECT repeat('x', ${length}::int) AS large`
        assert.strictEqual(row?.large.length, length)
      })
    )

    it.effect("streams many rows", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const count = yield* sql`SELECT generate_series(1, 20000) AS n`.stream.pipe(Stream.runCount)
        assert.strictEqual(count, 20_000)
        const some = yield* sql`SELECT generate_series(1, 20000) AS n`.stream.pipe(Stream.take(10), Stream.runCount)
        assert.strictEqual(some, 10)
        assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      })
    )

    it.effect("says why a statement failed, and goes on", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const people = yield* table("name text PRIMARY KEY, age int CHECK (age >= 0)")
        yield* sql`INSERT INTO ${people} VALUES ('ada', 1)`
        assert.strictEqual(yield* reasonOf(sql`INSERT INTO ${people} VALUES ('ada', 2)`), "UniqueViolation")
        assert.strictEqual(yield* reasonOf(sql`INSERT INTO ${people} VALUES ('bob', -1)`), "ConstraintError")
        assert.strictEqual(yield* reasonOf(sql`INSERT INTO ${people} VALUES (NULL, 1)`), "ConstraintError")
        assert.strictEqual(yield* reasonOf(sql`SELEC 1`), "SqlSyntaxError")
        assert.strictEqual(yield* reasonOf(sql`SELECT * FROM missing`), "SqlSyntaxError")
        assert.strictEqual(yield* reasonOf(sql`SELECT 1 / ${0}::int`), "UnknownError")
        const raised = Effect.flip(sql`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$`)
        assert.isTrue((yield* raised).isRetryable)
        assert.deepStrictEqual(yield* sql`SELECT name FROM ${people}`, [{ name: "ada" }])
      })
    )

    it.effect("commits a transaction that succeeds and undoes one that fails", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int")
        yield* sql.withTransaction(sql`INSERT INTO ${numbers} VALUES (1)`)
        const failing = sql`INSERT INTO ${numbers} VALUES (2)`.pipe(
          Effect.andThen(Effect.fail("no")),
          sql.withTransaction
        )
        assert.strictEqual(yield* Effect.flip(failing), "no")
        const dying = sql`INSERT INTO ${numbers} VALUES (3)`.pipe(
          Effect.andThen(Effect.die("bug")),
          sql.withTransaction
        )
        assert.isTrue(Exit.hasDies(yield* Effect.exit(dying)))
        assert.deepStrictEqual(yield* sql`SELECT n FROM ${numbers}`, [{ n: 1 }])
      })
    )

    it.effect("does not commit a transaction in which a statement failed", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int PRIMARY KEY")
        const swallowed = Effect.gen(function* () {
          yield* sql`INSERT INTO ${numbers} VALUES (1)`
          yield* Effect.ignore(sql`INSERT INTO ${numbers} VALUES (1)`)
        }).pipe(sql.withTransaction)
        assert.isTrue(Result.isFailure(yield* Effect.result(swallowed)))
        assert.deepStrictEqual(yield* sql`SELECT n FROM ${numbers}`, [])
      })
    )

    it.effect("undoes an inner transaction alone", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int PRIMARY KEY")
        yield* Effect.gen(function* () {
          yield* sql`INSERT INTO ${numbers} VALUES (1)`
          yield* Effect.ignore(sql.withTransaction(sql`INSERT INTO ${numbers} VALUES (1)`))
          yield* sql.withTransaction(sql`INSERT INTO ${numbers} VALUES (2)`)
        }).pipe(sql.withTransaction)
        assert.deepStrictEqual(yield* sql`SELECT n FROM ${numbers} ORDER BY n`, [{ n: 1 }, { n: 2 }])
      })
    )

    it.effect("rolls back what was interrupted, and goes on", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int")
        const inserted = yield* Deferred.make<void>()
        const fiber = yield* sql`INSERT INTO ${numbers} VALUES (1)`.pipe(
          Effect.andThen(Deferred.succeed(inserted, undefined)),
          Effect.andThen(Effect.never),
          sql.withTransaction,
          Effect.forkChild
        )
        yield* Deferred.await(inserted)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* sql`SELECT n FROM ${numbers}`, [])
        yield* Effect.forEach([0, 1, 5, 20], (millis) =>
          sql`SELECT count(*) FROM generate_series(1, 200000)`.pipe(Effect.timeoutOption(millis))
        )
        assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      })
    )

    it.effect("keeps the work of many fibers apart", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int PRIMARY KEY, fiber int NOT NULL")
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 60 }, (_, index) => index),
          (index) =>
            Effect.gen(function* () {
              yield* sql`INSERT INTO ${numbers} VALUES (${index}, ${index})`
              yield* Effect.yieldNow
              const mine = yield* sql`INSERT INTO ${numbers} VALUES (${index + 1000}, ${index}) RETURNING n`
              assert.deepStrictEqual(mine, [{ n: index + 1000 }])
              if (index % 3 === 0) return yield* Effect.fail("undo")
            }).pipe(sql.withTransaction, Effect.exit),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(outcomes.filter(Exit.isFailure).length, 20)
        assert.deepStrictEqual(yield* sql`SELECT count(*)::int AS rows FROM ${numbers}`, [{ rows: 80 }])
      })
    )

    it.effect("survives more statements than it keeps prepared, and a table that changes under one", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const numbers = yield* table("n int")
        yield* Effect.forEach(
          Array.from({ length: 250 }, (_, index) => index),
          (index) => sql`SELECT ${sql.literal(String(index))} AS n`
        )
        const all = sql`SELECT * FROM ${numbers}`
        yield* sql`INSERT INTO ${numbers} VALUES (1)`
        assert.deepStrictEqual(yield* all, [{ n: 1 }])
        yield* sql`ALTER TABLE ${numbers} ADD COLUMN m int`
        assert.deepStrictEqual(yield* all, [{ n: 1, m: null }])
      })
    )

    it.effect("hears notifications while it works, and only those of its channel", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* Effect.scoped(
          Effect.gen(function* () {
            const heard = yield* sql.listen("Some channel")
            const other = yield* sql.listen("other")
            yield* sql.notify("Some channel", "direct")
            yield* sql.withTransaction(sql`SELECT pg_notify('Some channel', 'committed')`)
            yield* Effect.ignore(
              sql.withTransaction(Effect.andThen(sql`SELECT pg_notify('Some channel', 'undone')`, Effect.fail("no")))
            )
            yield* sql.notify("Some channel", "last")
            const payloads = yield* Effect.replicateEffect(Queue.take(heard), 3)
            assert.deepStrictEqual(
              payloads.map(({ payload }) => payload),
              ["direct", "committed", "last"]
            )
            assert.strictEqual(yield* Queue.size(other), 0)
          })
        )
        yield* sql.notify("Some channel", "nobody listens")
      })
    )

    it.effect("gives each of several listeners every notification", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const first = yield* sql.listen("shared")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const second = yield* sql.listen("shared")
            yield* sql.notify("shared", "one")
            assert.strictEqual((yield* Queue.take(second)).payload, "one")
          })
        )
        yield* sql.notify("shared", "two")
        assert.strictEqual((yield* Queue.take(first)).payload, "one")
        assert.strictEqual((yield* Queue.take(first)).payload, "two")
      }).pipe(Effect.scoped)
    )

    it.effect("refuses to listen to a name PostgreSQL would cut off", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const error = yield* Effect.flip(Effect.scoped(sql.listen("x".repeat(64))))
        assert.strictEqual(error.reason._tag, "UnknownError")
      })
    )
  })
