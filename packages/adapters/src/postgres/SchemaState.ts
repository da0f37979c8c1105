/** How the schema in a database relates to this code. */
import type { StoreUnavailable } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { driftQuery } from "./Manifest.ts"
import { CODE_VERSION } from "./Migrations.ts"
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"
import { during, schemaMismatch } from "./troubles.ts"

/** `version` is the number of the last migration that was run there. */
export type SchemaState =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Behind"; readonly version: number }
  | { readonly _tag: "Current"; readonly version: number }
  | { readonly _tag: "Ahead"; readonly version: number }

const Existence = Schema.Tuple([Schema.Struct({ present: Schema.Boolean })])
const Version = Schema.Tuple([Schema.Struct({ version: Schema.NullOr(Schema.Int) })])
const Drift = Schema.Array(Schema.Struct({ kind: Schema.String, name: Schema.String }))

/** Reads which version the schema has. */
export const schemaState = Effect.fn("schemaState")(function* (
  schema: SchemaName = DEFAULT_SCHEMA
): Effect.fn.Return<SchemaState, StoreUnavailable, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const { q } = namesOf(schema)
  const reading = during("read the schema's version")
  const existing = yield* reading(sql.unsafe(`SELECT to_regclass('${q}.migrations') IS NOT NULL AS present`))
  const [{ present }] = yield* Effect.orDie(Schema.decodeUnknownEffect(Existence)(existing))
  if (!present) return { _tag: "Missing" }
  const rows = yield* reading(sql.unsafe(`SELECT max(migration_id) AS version FROM ${q}.migrations`))
  const [{ version }] = yield* Effect.orDie(Schema.decodeUnknownEffect(Version)(rows))
  if (version === null) return { _tag: "Missing" }
  if (version === CODE_VERSION) return { _tag: "Current", version }
  return { _tag: version < CODE_VERSION ? "Behind" : "Ahead", version }
})

/**
 * What the migrations made and is there no more, or in another form, each as a phrase such as `trigger runs.…`. Empty when all
 * is in place. What others added is none of our business.
 */
export const schemaDrift = Effect.fn("schemaDrift")(function* (
  schema: SchemaName = DEFAULT_SCHEMA
): Effect.fn.Return<ReadonlyArray<string>, StoreUnavailable, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* during("compare the schema")(sql.unsafe(driftQuery(namesOf(schema))))
  const drifted = yield* Effect.orDie(Schema.decodeUnknownEffect(Drift)(rows))
  return drifted.map(({ kind, name }) => `${kind} ${name}`)
})

const versions = (schema: SchemaName, version: number) =>
  `the schema ${schema} has version ${version}, and this program works with version ${CODE_VERSION}`

/** Fails unless the schema is the one this code works with. */
export const requireCurrentSchema = Effect.fn("requireCurrentSchema")(function* (
  schema: SchemaName
): Effect.fn.Return<void, StoreUnavailable, SqlClient.SqlClient> {
  const state = yield* schemaState(schema)
  switch (state._tag) {
    case "Current":
      return
    case "Missing":
      return yield* schemaMismatch(`the database has no schema ${schema} of ours yet`)
    case "Behind":
      return yield* schemaMismatch(versions(schema, state.version))
    case "Ahead":
      return yield* schemaMismatch(versions(schema, state.version), "use the newer countersign here too")
  }
})
