/** Dispatch inside a host's own transaction, whatever driver the host has. */
import type { Dispatched, FirstStep, StoreUnavailable } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { type Execute, makeDispatch } from "./dispatch.ts"
import { DEFAULT_SCHEMA, namesOf, type SchemaName } from "./SchemaName.ts"
import { storeUnavailable } from "./troubles.ts"

/**
 * Runs one statement with positional parameters, all of them texts. A client of node-postgres is one
 * (`(text, values) => client.query(text, values)`), and so is a transaction of PGlite.
 */
export type Query = (text: string, values: Array<string>) => Promise<{ readonly rows: ReadonlyArray<unknown> }>

const decodeAnswers = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ answer: Schema.NullOr(Schema.String) })))

const executing =
  (query: Query): Execute =>
  (text, parameters) =>
    Effect.tryPromise(() => query(text, [...parameters])).pipe(
      Effect.mapError(({ cause }) => storeUnavailable("dispatch runs", cause)),
      Effect.flatMap(({ rows }) => Effect.orDie(decodeAnswers(rows))),
      Effect.map((rows) => rows.map(({ answer }) => answer))
    )

/**
 * Stores runs through the host's own connection, so that they come into being with what the host writes in the same
 * transaction, or not at all. Like `RunStore.dispatch` in everything else: workers are woken when the transaction commits.
 *
 * **Details**
 *
 * Two statements at most for each thousand runs, one unless an identity is active already. A host on Effect needs none of this:
 * it wraps `RunStore.dispatch` in `SqlClient.withTransaction`.
 *
 * **Gotchas**
 *
 * A statement that fails spoils the host's transaction, as any other would: roll it back. Of two transactions that dispatch one
 * identity at once, the second waits for the first one's end.
 */
export const dispatchThrough = (
  query: Query,
  schema: SchemaName = DEFAULT_SCHEMA
): ((steps: ReadonlyArray<FirstStep>) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>) => {
  const dispatch = makeDispatch(namesOf(schema), { savepoints: false })
  return (steps) => dispatch(executing(query), steps)
}
