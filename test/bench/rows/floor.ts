/** The floor beside us: plain SQL that writes the same rows. What it writes is compared with what a worker writes. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { type Floor, openFloor } from "../stores/floor.ts"
import type { PostgresDatabase } from "../stores/postgres.ts"
import { NotRight, type Store } from "../stores/Store.ts"
import { work } from "./work.ts"

/** The sizes of all rows of a table together may differ by so much, as a share: ids and numbers have more or fewer digits. */
const TOLERATED = 0.03

const TABLES = ["runs", "decisions", "snapshots", "audit_records", "notices"]

interface Weight {
  readonly rows: number
  readonly bytes: number
}

const weightsOf = (admin: PgClient.PgClient) =>
  Effect.forEach(TABLES, (table) =>
    Effect.map(
      admin.unsafe<Weight>(
        `SELECT count(*)::integer AS rows, coalesce(sum(pg_column_size(t.*)), 0)::float8 AS bytes FROM countersign.${table} t`
      ),
      ([weight]) => ({ table, rows: weight?.rows ?? 0, bytes: weight?.bytes ?? 0 })
    )
  )

/** Fails unless the floor leaves as many rows of the same size in each table as a worker does. */
const checkFloor = Effect.fnUntraced(function* (admin: PgClient.PgClient, store: Store, floor: Floor) {
  const runs = COMPARED
  yield* work(yield* store.filled({ queued: runs }), { batch: 100, runs })
  const ours = yield* weightsOf(admin)
  const filled = yield* store.filled({ queued: runs })
  yield* floor.drain(100)
  yield* filled.check("completed", runs)
  const theirs = yield* weightsOf(admin)
  for (const [at, { table, rows, bytes }] of ours.entries()) {
    const other = theirs[at]
    if (other?.rows !== rows || Math.abs(other.bytes - bytes) > bytes * TOLERATED) {
      return yield* new NotRight({
        message: `the floor does not write the same ${table}: ${other?.rows} rows of ${other?.bytes} bytes, not ${rows} of ${bytes}`
      })
    }
  }
})

/** How many runs are drained to compare what the two write. */
const COMPARED = 3_000

/** The floor over this database, through so many connections, once it has been seen to write what a worker writes. */
export const openFloorContender = Effect.fnUntraced(function* (database: PostgresDatabase, connections: number) {
  const store = yield* database.through("the worker that the floor learns from", connections + 1, 1)
  const floor = yield* openFloor(database, store, connections)
  yield* checkFloor(database.admin, store, floor)
  return { store, floor }
})
