/** The doctor's checks of the schema: is it there, does its version fit, is everything still in place. */
import { CODE_VERSION, incompleteInWords, type SchemaName, schemaDrift, schemaState } from "@countersign/adapters"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { examined, type Finding, fail, ok } from "./Finding.ts"

const DRIFT_SHOWN = 5

/** Whether the schema is as this program needs it. */
export const schemaFinding = (schema: SchemaName): Effect.Effect<Finding, never, SqlClient.SqlClient> =>
  examined(
    "schema",
    Effect.gen(function* () {
      const state = yield* schemaState(schema)
      switch (state._tag) {
        case "Current":
          return ok("schema", `${schema} has version ${state.version}`)
        case "Missing":
          return fail("schema", `there is no schema ${schema} of ours yet`, "run `countersign migrate`")
        case "Behind":
          return fail(
            "schema",
            `${schema} has version ${state.version}, wanted ${CODE_VERSION}`,
            "run `countersign migrate`"
          )
        case "Incomplete": {
          const { problem, advice } = incompleteInWords(schema, state.missing)
          return fail("schema", problem, advice)
        }
        case "Ahead":
          return fail(
            "schema",
            `${schema} has version ${state.version}, newer than version ${CODE_VERSION} of this program`,
            "use the newer countersign here too"
          )
      }
    })
  )

/** Whether something of what the migrations made was dropped or changed since. */
export const driftFinding = (schema: SchemaName): Effect.Effect<Finding, never, SqlClient.SqlClient> =>
  examined(
    "drift",
    Effect.gen(function* () {
      const drifted = yield* schemaDrift(schema)
      if (drifted.length === 0) return ok("drift", "everything the migrations made is in place")
      const ordered = gravestFirst(drifted)
      const shown = ordered.slice(0, DRIFT_SHOWN).join(", ")
      const more = ordered.length > DRIFT_SHOWN ? ` and ${ordered.length - DRIFT_SHOWN} more` : ""
      return fail(
        "drift",
        `missing or changed: ${shown}${more}`,
        "make it again as `countersign migrate --print` shows it"
      )
    })
  )

/** What protects comes before what stores. */
const KINDS = ["trigger", "function", "table", "constraint", "index", "column"]

/** The drift with the guard's parts first, and of a table that is gone nothing but its name. */
export const gravestFirst = (drifted: ReadonlyArray<string>): ReadonlyArray<string> => {
  const gone = drifted.flatMap((phrase) => /^table (.+)$/.exec(phrase)?.[1] ?? [])
  const rank = (phrase: string) => KINDS.indexOf(phrase.slice(0, phrase.indexOf(" ")))
  return drifted
    .filter((phrase) => !gone.some((table) => phrase.includes(` ${table}.`)))
    .toSorted((one, other) => rank(one) - rank(other))
}
