/** How the schema in a database relates to this code. */
import type { StoreUnavailable } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { driftQuery } from "./Manifest.ts"
import { type Applied, CODE_VERSION, missingFrom } from "./Migrations.ts"
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"
import { during, schemaMismatch } from "./troubles.ts"

/** `version` is the number of the last migration that was run there. */
export type SchemaState =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Behind"; readonly version: number }
  | { readonly _tag: "Current"; readonly version: number }
  | { readonly _tag: "Ahead"; readonly version: number }
  /** Migrations are not in the record although later ones are: whether they were run is not known. */
  | { readonly _tag: "Incomplete"; readonly version: number; readonly missing: ReadonlyArray<Applied> }

const Existence = Schema.Tuple([Schema.Struct({ present: Schema.Boolean })])
const Record = Schema.Array(Schema.Struct({ id: Schema.Int }))
const Drift = Schema.Array(Schema.Struct({ kind: Schema.String, name: Schema.String }))

/** Reads which version the schema has, and whether its record of migrations is whole. */
export const schemaState = Effect.fn("schemaState")(function* (
  schema: SchemaName = DEFAULT_SCHEMA
): Effect.fn.Return<SchemaState, StoreUnavailable, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const { q } = namesOf(schema)
  const reading = during("read the schema's version")
  const existing = yield* reading(sql.unsafe(`SELECT to_regclass('${q}.migrations') IS NOT NULL AS present`))
  const [{ present }] = yield* Effect.orDie(Schema.decodeUnknownEffect(Existence)(existing))
  if (!present) return { _tag: "Missing" }
  const rows = yield* reading(sql.unsafe(`SELECT migration_id AS id FROM ${q}.migrations`))
  const recorded = (yield* Effect.orDie(Schema.decodeUnknownEffect(Record)(rows))).map(({ id }) => id)
  if (recorded.length === 0) return { _tag: "Missing" }
  const version = Math.max(...recorded)
  const missing = missingFrom(recorded)
  if (missing.length > 0) return { _tag: "Incomplete", version, missing }
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

/** What is wrong with a record that lacks these, and what to do about it. */
export const incompleteInWords = (schema: SchemaName, missing: ReadonlyArray<Applied>) => {
  const names = missing.map(({ id, name }) => `${id} (${name})`).join(", ")
  const values = missing.map(({ id, name }) => `(${id}, '${name}')`).join(", ")
  return {
    problem: `the record of migrations in the schema ${schema} lacks ${names}, though later ones are there`,
    advice: `if \`countersign doctor\` finds no drift, only the record was changed, so mend it: INSERT INTO ${namesOf(schema).q}.migrations (migration_id, name) VALUES ${values}; otherwise restore the schema from a backup`
  }
}

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
    case "Incomplete": {
      const { problem, advice } = incompleteInWords(schema, state.missing)
      return yield* schemaMismatch(problem, advice)
    }
    case "Ahead":
      return yield* schemaMismatch(versions(schema, state.version), "use the newer countersign here too")
  }
})
