/** Sync: the groups of the customer's directory, as they are now. */
import { Operation } from "@countersign/domain"
import { Handler } from "@countersign/worker"
import { Array as Arrays, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { targetOf } from "./Target.ts"

const Counted = Schema.Struct({ added: Schema.Int, updated: Schema.Int, removed: Schema.Int })

/** Reads from the provider, writes only here: no write gate. */
export const syncGroups = Operation.make({
  type: "directory_group_sync",
  label: "Sync the directory groups",
  capability: "directory.sync",
  providerConnection: true,
  payload: Schema.Struct({}),
  result: Counted,
  countKeys: ["added", "updated", "removed"]
})

interface Row {
  readonly group_id: string
  readonly name: string
  readonly members: number
}

/** Brings the host's rows in line, all in one transaction; once they are, there is nothing left to do. */
export const syncGroupsHandler = Handler.make(syncGroups, (_, context) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { connector, customerId } = yield* targetOf(context)
    const there = (yield* connector.groups).map(({ id, name, members }): Row => ({ group_id: id, name, members }))
    // What took a while to fetch is not stored on an authority that is gone by now.
    yield* context.checkpoint

    const counts = yield* sql.withTransaction(
      Effect.gen(function* () {
        const here = yield* sql<Row>`SELECT group_id, name, members FROM msp.directory_groups
          WHERE customer_id = ${customerId} FOR UPDATE`
        const { added, updated, removed } = differenceOf(here, there)
        const rows: ReadonlyArray<Record<string, unknown>> = [...added, ...updated].map((row) => ({
          customer_id: customerId,
          ...row
        }))
        if (Arrays.isReadonlyArrayNonEmpty(rows)) {
          yield* sql`INSERT INTO msp.directory_groups ${sql.insert(rows)} ON CONFLICT (customer_id, group_id)
            DO UPDATE SET name = EXCLUDED.name, members = EXCLUDED.members`
        }
        if (removed.length > 0) {
          yield* sql`DELETE FROM msp.directory_groups WHERE customer_id = ${customerId}
            AND ${sql.in(
              "group_id",
              removed.map(({ group_id }) => group_id)
            )}`
        }
        return { added: added.length, updated: updated.length, removed: removed.length }
      })
    )
    yield* context.reportCounts(counts)
    return counts
  })
)

const differenceOf = (here: ReadonlyArray<Row>, there: ReadonlyArray<Row>) => {
  const hereById = new Map(here.map((row) => [row.group_id, row]))
  const idsThere = new Set(there.map(({ group_id }) => group_id))
  return {
    added: there.filter(({ group_id }) => !hereById.has(group_id)),
    updated: there.filter(({ group_id, name, members }) => {
      const known = hereById.get(group_id)
      return known !== undefined && (known.name !== name || known.members !== members)
    }),
    removed: here.filter(({ group_id }) => !idsThere.has(group_id))
  }
}
