/** Migrations: from nothing, all at once, as a script, and what is reported of a schema that is not as they left it. */
import {
  CODE_VERSION,
  EmbeddedPostgres,
  layerPostgres,
  migrate,
  migrationScript,
  SchemaName,
  schemaDrift,
  schemaState
} from "@countersign/adapters"
import { runIdAt } from "@countersign/adapters/testing"
import { RunStore } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Fiber, Layer, Redacted, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Client } from "pg"
import { freshDatabase, layerFreshDatabase } from "../../support/postgres.ts"
import type { Clients } from "./support.ts"

const onEach = (name: string, test: Effect.Effect<void, unknown, Clients>) => {
  it.live(`${name}: server`, () => test.pipe(Effect.provide(layerFreshDatabase())))
  it.live(`${name}: embedded`, () => test.pipe(Effect.provide(EmbeddedPostgres.layer())))
}

/** What layers say of the schema in this database. */
const refusal = Effect.flip(Effect.scoped(Layer.build(layerPostgres())))

describe("migrate", () => {
  onEach(
    "makes everything once, and nothing the second time",
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Missing" })
      assert.strictEqual((yield* migrate()).at(-1)?.id, CODE_VERSION)
      assert.deepStrictEqual(yield* migrate(), [])
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Current", version: CODE_VERSION })
      assert.deepStrictEqual(yield* schemaDrift(), [])
      yield* Effect.scoped(Layer.build(layerPostgres()))
    })
  )

  it.live("is safe when ten programs start at once on an empty database", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const program = migrate().pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }), { local: true })
      )
      const outcomes = yield* Effect.all(
        Array.from({ length: 10 }, () => program),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        outcomes.map((applied) => applied.at(-1)?.id ?? 0).sort((a, b) => b - a),
        [CODE_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      )
    }).pipe(Effect.scoped)
  )

  it.live("waits for whoever migrates already and takes its time, whatever the limits of its session are", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const sql = Context.get(yield* Layer.build(PgClient.layer({ url: Redacted.make(url) })), PgClient.PgClient)
      yield* sql`CREATE FUNCTION refuse_hurry() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('statement_timeout') <> '0' OR current_setting('lock_timeout') <> '100ms' THEN
          RAISE EXCEPTION 'in a hurry';
        END IF;
      END $$`
      yield* sql`CREATE EVENT TRIGGER refuse_hurry ON ddl_command_end EXECUTE FUNCTION refuse_hurry()`
      const limits = { lock_timeout: "100", statement_timeout: "30000" }
      const program = migrate().pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(url), startupParameters: limits }), { local: true })
      )
      const longWaits = sql`SELECT FROM pg_locks WHERE NOT granted AND waitstart < clock_timestamp() - interval '200 ms'`
      const waited = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT pg_advisory_xact_lock(hashtext('countersign/migrations'), 0)`
          const migrating = yield* Effect.forkScoped(program)
          yield* Effect.raceFirst(
            Fiber.await(migrating),
            Effect.repeat(longWaits, { schedule: Schedule.spaced("10 millis"), until: (rows) => rows.length > 0 })
          )
          return migrating
        })
      )
      assert.strictEqual((yield* Fiber.join(waited)).at(-1)?.id, CODE_VERSION)
    }).pipe(Effect.scoped)
  )

  it.live("a migration that loses its connection says so, leaves nothing, and can be made again", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const sql = Context.get(yield* Layer.build(PgClient.layer({ url: Redacted.make(url) })), PgClient.PgClient)
      yield* sql`CREATE FUNCTION break_off() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'countersign.decisions') THEN
          PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
      END $$`
      yield* sql`CREATE EVENT TRIGGER break_off ON ddl_command_end EXECUTE FUNCTION break_off()`
      const program = migrate().pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url) }), { local: true }))
      assert.deepInclude(yield* Effect.flip(program), { _tag: "StoreUnavailable", trouble: "unreachable" })
      assert.deepStrictEqual(yield* schemaState().pipe(Effect.provideService(SqlClient.SqlClient, sql)), {
        _tag: "Missing"
      })
      yield* sql`DROP EVENT TRIGGER break_off`
      assert.strictEqual((yield* program).at(-1)?.id, CODE_VERSION)
    }).pipe(Effect.scoped)
  )

  onEach(
    "keeps two schemas in one database apart",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const other = SchemaName.make("Other_Schema")
      yield* migrate()
      yield* migrate(other)
      yield* sql`INSERT INTO "Other_Schema".workspaces VALUES ('w', true)`
      assert.deepStrictEqual(yield* sql`SELECT * FROM countersign.authority_epochs`, [])
      const epochs = yield* sql`SELECT workspace_id, epoch::integer FROM "Other_Schema".authority_epochs`
      assert.deepStrictEqual(epochs, [{ workspace_id: "w", epoch: 1 }])
      assert.deepStrictEqual([yield* schemaDrift(), yield* schemaDrift(other)], [[], []])
    })
  )

  onEach(
    "a migration that fails leaves nothing",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE SCHEMA countersign`
      yield* sql`CREATE TABLE countersign.tenants (id text)`
      const error = yield* Effect.flip(migrate())
      assert.strictEqual(error.trouble, "rejected")
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Missing" })
      assert.deepStrictEqual(yield* sql`SELECT to_regclass('countersign.runs')::text AS runs`, [{ runs: null }])
    })
  )
})

/** Everything in the schema, as text. */
const inventory = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const manifest = yield* sql`SELECT kind, name FROM countersign.manifest ORDER BY kind, name`
  const versions = yield* sql`SELECT migration_id, name FROM countersign.migrations ORDER BY migration_id`
  return { manifest, versions }
})

describe("the printed script", () => {
  const running = (url: string, script: string) =>
    Effect.acquireUseRelease(
      Effect.tryPromise(async () => {
        const client = new Client({ connectionString: url })
        await client.connect()
        return client
      }),
      (client) => Effect.tryPromise(() => client.query(script)),
      (client) => Effect.promise(() => client.end())
    )

  it.live("leaves the same state as the program, and changes nothing when run again", () =>
    Effect.gen(function* () {
      const migrated = yield* Effect.andThen(migrate(), inventory).pipe(Effect.provide(layerFreshDatabase()))
      const url = yield* freshDatabase
      const script = migrationScript()
      yield* running(url, script)
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* inventory, migrated)
        assert.deepStrictEqual(yield* schemaDrift(), [])
        assert.deepStrictEqual(yield* migrate(), [])
        yield* Effect.flip(running(url, script))
        assert.deepStrictEqual(yield* inventory, migrated)
      }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })))
    }).pipe(Effect.scoped)
  )

  it.live("runs of a time without limits are kept, and those that wait may wait another week", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const [older = ""] = migrationScript().split(
        'INSERT INTO "countersign".migrations (migration_id, name) VALUES (5'
      )
      yield* running(url, `${older}COMMIT`)
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const inserted = (id: string, state: string) =>
          sql.unsafe(`INSERT INTO countersign.runs (id, workspace_id, operation_type, authority_mode, actor_kind, payload,
            identity, max_attempts, attempt, admission, counts, dispatched_at, status, outcome, available_at, started_at,
            completed_at) VALUES ('${id}', 'w', 'o', 'system_authority', 'system', '{}', '${id}', 1, 1, 1, '{}', ${state})`)
        const [waiting, delayed, done] = [1, 2, 3].map((at) => runIdAt(0, at))
        assert(waiting && delayed && done)
        yield* inserted(waiting, "'2020-01-01', 'queued', 'pending', '2020-01-01', NULL, NULL")
        yield* inserted(delayed, "'2020-01-01', 'queued', 'pending', '2100-01-01', NULL, NULL")
        yield* inserted(done, "'2020-01-01', 'completed', 'succeeded', '2020-01-01', '2020-01-01', '2020-01-01'")
        assert.strictEqual((yield* migrate())[0]?.id, 5)
        assert.deepStrictEqual(yield* schemaDrift(), [])
        const store = Context.get(yield* Layer.build(layerPostgres()), RunStore)
        const weekMillis = 7 * 24 * 60 * 60 * 1000
        const { dispatch } = yield* store.find(waiting)
        assert.isAbove(dispatch.expiresAtMillis, (yield* Clock.currentTimeMillis) + weekMillis / 2)
        assert.strictEqual(dispatch.retryOf, null)
        assert.strictEqual((yield* store.find(delayed)).dispatch.expiresAtMillis, Date.UTC(2100, 0, 8))
        assert.strictEqual((yield* store.find(done))._tag, "Succeeded")
      }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })))
    }).pipe(Effect.scoped)
  )

  it("holds only what is missing from an older version", () => {
    const script = migrationScript(SchemaName.make("countersign"), CODE_VERSION - 1)
    assert.notInclude(script, "CREATE SCHEMA")
    assert.include(script, `VALUES (${CODE_VERSION}, `)
    assert.notInclude(script, `VALUES (${CODE_VERSION - 1}, `)
  })
})

describe("a schema that is not as the code knows it", () => {
  onEach(
    "is refused when missing, older or newer, with the command that mends it",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const missing = yield* refusal
      assert.strictEqual(missing.trouble, "schema_mismatch")
      assert.include(missing.advice, "countersign migrate")
      yield* migrate()
      yield* sql`INSERT INTO countersign.migrations (migration_id, name) VALUES (${CODE_VERSION + 1}, 'later')`
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Ahead", version: CODE_VERSION + 1 })
      assert.include((yield* refusal).advice, `version ${CODE_VERSION + 1}`)
      yield* sql`DELETE FROM countersign.migrations WHERE migration_id > 1`
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Behind", version: 1 })
      assert.strictEqual((yield* refusal).trouble, "schema_mismatch")
    })
  )

  onEach(
    "is refused when its record lacks a migration though later ones are there, and is right again when that is mended",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate()
      yield* sql`DELETE FROM countersign.migrations WHERE migration_id IN (3, 4)`
      const missing = [
        { id: 3, name: "fence" },
        { id: 4, name: "facts" }
      ]
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Incomplete", version: CODE_VERSION, missing })
      const { advice, trouble } = yield* refusal
      assert.strictEqual(trouble, "schema_mismatch")
      assert.include(advice, "lacks 3 (fence), 4 (facts), though later ones are there")
      // Nothing is run beside later ones, and the doctor's other question tells what to do.
      assert.deepStrictEqual([yield* migrate(), yield* schemaDrift()], [[], []])
      const mending = /INSERT INTO .*?;/.exec(advice)?.[0] ?? assert.fail(advice)
      yield* sql.unsafe(mending)
      assert.deepStrictEqual(yield* schemaState(), { _tag: "Current", version: CODE_VERSION })
    })
  )

  const drifts: ReadonlyArray<readonly [change: string, reported: RegExp]> = [
    ["DROP TRIGGER runs_updated_to_running ON countersign.runs", /^trigger runs\.runs_updated_to_running/],
    ["ALTER TABLE countersign.runs DISABLE TRIGGER runs_updated_to_running", /^trigger runs\.runs_updated_to_running/],
    ["DROP TRIGGER countersign_fence_update ON countersign.users", /^trigger users\.countersign_fence_update/],
    ["ALTER TABLE countersign.runs DROP CONSTRAINT runs_blocked_says_why", /^constraint runs\.runs_blocked_says_why/],
    ["DROP INDEX countersign.runs_active_identity", /^index runs_active_identity/],
    ["ALTER TABLE countersign.audit_records DROP COLUMN actor_name", /^column audit_records\.actor_name/],
    ["ALTER TABLE countersign.notices ALTER COLUMN title TYPE varchar(600)", /^column notices\.title/],
    [
      `CREATE OR REPLACE FUNCTION countersign.require_decisions() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NULL; END'`,
      /^function require_decision/
    ]
  ]
  for (const [change, reported] of drifts) {
    it.live(`is reported after ${change.replaceAll(/\s+/g, " ").slice(0, 70)}`, () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* migrate()
        yield* sql.unsafe(change)
        const drift = yield* schemaDrift()
        assert.strictEqual(drift.length, 1, drift.join("; "))
        assert.match(drift[0] ?? "", reported)
      }).pipe(Effect.provide(layerFreshDatabase()))
    )
  }

  onEach(
    "what others add is none of our business",
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* migrate()
      yield* sql`ALTER TABLE countersign.users ADD COLUMN mail text`
      yield* sql`CREATE INDEX ON countersign.runs (initiator_id)`
      yield* sql`CREATE TABLE countersign.notes (n int)`
      assert.deepStrictEqual(yield* schemaDrift(), [])
    })
  )
})
