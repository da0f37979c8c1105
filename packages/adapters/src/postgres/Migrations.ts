/** The tables, functions and triggers, as numbered migrations: run by a program, or printed for `psql`. */
import type { StoreUnavailable } from "@countersign/domain"
import { Effect } from "effect"
import { Migrator, SqlClient, type SqlError } from "effect/sql"
import { manifestStatements } from "./Manifest.ts"
import * as runs from "./migrations/0001_runs.ts"
import * as guard from "./migrations/0002_guard.ts"
import * as fence from "./migrations/0003_fence.ts"
import * as facts from "./migrations/0004_facts.ts"
import * as waiting from "./migrations/0005_waiting.ts"
import * as order from "./migrations/0006_order.ts"
import * as schedules from "./migrations/0007_schedules.ts"
import * as monitoring from "./migrations/0008_monitoring.ts"
import * as telling from "./migrations/0009_telling.ts"
import * as lean from "./migrations/0010_lean.ts"
import * as insertion from "./migrations/0011_insertion.ts"
import * as together from "./migrations/0012_together.ts"
import * as fewer from "./migrations/0013_fewer.ts"
import * as pruning from "./migrations/0014_pruning.ts"
import { DEFAULT_SCHEMA, type Names, namesOf, type SchemaName } from "./SchemaName.ts"
import { transacting } from "./transacting.ts"
import { storeUnavailable } from "./troubles.ts"

interface Migration {
  readonly id: number
  readonly name: string
  readonly statements: (names: Names) => ReadonlyArray<string>
}

/** In order. One that was published never changes; what is to be different comes as another one. */
const migrations: ReadonlyArray<Migration> = [
  { id: 1, name: "runs", statements: runs.statements },
  { id: 2, name: "guard", statements: guard.statements },
  { id: 3, name: "fence", statements: fence.statements },
  { id: 4, name: "facts", statements: facts.statements },
  { id: 5, name: "waiting", statements: waiting.statements },
  { id: 6, name: "order", statements: order.statements },
  { id: 7, name: "schedules", statements: schedules.statements },
  { id: 8, name: "monitoring", statements: monitoring.statements },
  { id: 9, name: "telling", statements: telling.statements },
  { id: 10, name: "lean", statements: lean.statements },
  { id: 11, name: "insertion", statements: insertion.statements },
  { id: 12, name: "together", statements: together.statements },
  { id: 13, name: "fewer", statements: fewer.statements },
  { id: 14, name: "pruning", statements: pruning.statements }
]

/** The version of the schema that this code works with: the number of its last migration. */
export const CODE_VERSION = Math.max(...migrations.map(({ id }) => id))

/** A migration that was run. */
export interface Applied {
  readonly id: number
  readonly name: string
}

/** Those of this code that this record lacks although it has a later one. Numbers that nobody ever used are not missing. */
export const missingFrom = (recorded: ReadonlyArray<number>): ReadonlyArray<Applied> => {
  const newest = Math.max(0, ...recorded)
  return migrations.filter(({ id }) => id < newest && !recorded.includes(id)).map(({ id, name }) => ({ id, name }))
}

const lock = ({ locks }: Names) => `SELECT pg_catalog.pg_advisory_xact_lock(${locks.migrations}, 0)`

const loaderOf = (names: Names): Migrator.Loader =>
  Migrator.fromRecord(
    Object.fromEntries(
      migrations.map(({ id, name, statements }) => [
        `${id}_${name}`,
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          for (const statement of [...statements(names), ...manifestStatements(names)]) yield* sql.unsafe(statement)
        })
      ])
    )
  )

/** The reason within, where the migrator wraps it. */
const innermost = (error: Migrator.MigrationError | SqlError.SqlError): unknown =>
  error._tag === "MigrationError" ? (error.cause ?? error) : error

const OPERATION = "migrate the database"

/**
 * An index over many runs takes as long as it takes, and so does waiting for whoever migrates already; the limits of a session are for its
 * everyday statements. A table that is in use is not waited for longer than they say: others would queue up behind.
 */
const UNTIL_LOCKED = ["SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0"]
const WHEN_LOCKED = "SET LOCAL lock_timeout TO DEFAULT"

/** An outer transaction and a lock: programs that start together on an empty database wait for the first of them. */
const migrating = Effect.fnUntraced(function* (names: Names) {
  const sql = yield* SqlClient.SqlClient
  return yield* Effect.gen(function* () {
    for (const statement of [...UNTIL_LOCKED, lock(names), WHEN_LOCKED]) yield* sql.unsafe(statement)
    yield* sql.unsafe(`CREATE SCHEMA IF NOT EXISTS ${names.q}`)
    return yield* Migrator.make({})({ loader: loaderOf(names), table: `${names.schema}.migrations` })
  }).pipe(
    // The migrator's own transaction cannot take anything back over a connection that is lost, and makes a defect of why it failed.
    Effect.catchDefect((defect) =>
      defect instanceof Migrator.MigrationError ? Effect.fail(defect) : Effect.die(defect)
    ),
    Effect.mapError((error) => storeUnavailable(OPERATION, innermost(error))),
    transacting(sql, OPERATION)
  )
})

/**
 * Brings the schema to this code's version and answers with what was done, which is nothing when it is there already.
 * All or nothing, and safe to run at any time from as many programs as there are.
 *
 * **Gotchas**
 *
 * It needs a user who may create the schema, or owns it. A schema newer than the code is left alone, and answered like one
 * that is up to date: `schemaState` tells them apart.
 */
export const migrate = (
  schema: SchemaName = DEFAULT_SCHEMA
): Effect.Effect<ReadonlyArray<Applied>, StoreUnavailable, SqlClient.SqlClient> =>
  Effect.map(migrating(namesOf(schema)), (applied) => applied.map(([id, name]) => ({ id, name })))

/**
 * The same as one SQL script, for who has to see or hand over what is run: `psql --set ON_ERROR_STOP=1 --file`. It leaves the
 * same state, the record of versions included.
 *
 * **Details**
 *
 * `from` is the version the database has; 0 when there is no schema yet. Run on any other version it changes nothing and fails.
 */
export const migrationScript = (schema: SchemaName = DEFAULT_SCHEMA, from = 0): string => {
  const names = namesOf(schema)
  const table = `${names.q}.migrations`
  const beginning = [
    "BEGIN",
    lock(names),
    ...(from > 0
      ? []
      : [
          `CREATE SCHEMA IF NOT EXISTS ${names.q}`,
          `CREATE TABLE ${table} (
  migration_id integer primary key,
  created_at timestamp with time zone not null default now(),
  name text not null
)`
        ])
  ]
  const middle = migrations
    .filter(({ id }) => id > from)
    .flatMap(({ id, name, statements }) => [
      `INSERT INTO ${table} (migration_id, name) VALUES (${id}, '${name}')`,
      ...statements(names)
    ])
  return `${[...beginning, ...middle, ...manifestStatements(names), "COMMIT"].join(";\n\n")};\n`
}
