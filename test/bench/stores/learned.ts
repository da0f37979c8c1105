/**
 * What the product writes for a run, learned from what it wrote for two: one that started and succeeded, one that was blocked. The
 * floor writes the same columns with the same values, whatever migrations add to them.
 */
import { type Running, RunStore, step } from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { millisToAdmit } from "../rows/drain.ts"
import type { PostgresDatabase } from "./postgres.ts"
import { NotRight, type Store } from "./Store.ts"

type Cells = Readonly<Record<string, string | null>>

/** A row as text cells, by column, and the types of the columns. */
export interface LearnedRow {
  readonly cells: Cells
  readonly types: Readonly<Record<string, string>>
}

const Q = "countersign"

/** The columns of a table that are written by us, with their types. */
const typesOf = Effect.fnUntraced(function* (sql: PgClient.PgClient, table: string) {
  const columns = yield* sql<{ readonly name: string; readonly type: string }>`SELECT attname AS name,
    format_type(atttypid, atttypmod) AS type FROM pg_attribute
    WHERE attrelid = ${`${Q}.${table}`}::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
    ORDER BY attnum`
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]))
})

/** The rows of a table of which `condition` is true, in their order. */
const rowsWhere = Effect.fnUntraced(function* (sql: PgClient.PgClient, table: string, condition: string) {
  const types = yield* typesOf(sql, table)
  const cells = Object.keys(types).map((name) => `${name}::text`)
  const rows = yield* sql.unsafe<Cells>(`SELECT ${cells.join(", ")} FROM ${Q}.${table} WHERE ${condition}`)
  return rows.map((row): LearnedRow => ({ cells: row, types }))
})

/** The one row of a table of which `condition` is true. */
const rowWhere = Effect.fnUntraced(function* (sql: PgClient.PgClient, table: string, condition: string) {
  const [row] = yield* rowsWhere(sql, table, condition)
  if (row === undefined) return yield* new NotRight({ message: `no row of ${table} to learn from where ${condition}` })
  return row
})

const literal = (text: string | null, type: string): string =>
  `${text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`}::${type}`

/** Expressions of what differs from run to run, by column; everything else is as it was learned. */
export type Varying = Readonly<Record<string, string>>

const cellOf = ({ cells, types }: LearnedRow, name: string, varying: Varying, now: string): string => {
  const cell = cells[name] ?? null
  const type = types[name] ?? "text"
  if (cell === null) return literal(null, type)
  return varying[name] ?? (type.startsWith("timestamp") ? now : literal(cell, type))
}

/** Columns and expressions of a row to insert; `now` is the parameter for every instant. */
export const inserted = (row: LearnedRow, varying: Varying, now: string) => ({
  columns: Object.keys(row.types).join(", "),
  values: Object.keys(row.types)
    .map((name) => cellOf(row, name, varying, now))
    .join(", ")
})

/** A run before and after a step. */
interface Move {
  readonly before: LearnedRow
  readonly after: LearnedRow
}

/**
 * What to set so that a row makes the first or the second of two moves. `isFirst` is an expression; columns that neither changes are
 * not named.
 */
export const becoming = (
  [first, second]: readonly [Move, Move],
  isFirst: string,
  varying: Varying,
  now: string
): string =>
  Object.keys(first.after.types)
    .filter((name) => [first, second].some(({ before, after }) => before.cells[name] !== after.cells[name]))
    .map((name) => {
      const ifFirst = cellOf(first.after, name, varying, now)
      const ifSecond = cellOf(second.after, name, varying, now)
      return ifFirst === ifSecond
        ? `${name} = ${ifFirst}`
        : `${name} = CASE WHEN ${isFirst} THEN ${ifFirst} ELSE ${ifSecond} END`
    })
    .join(", ")

/** A run that was decided about, with all that was written with it. */
interface LearnedRuling extends Move {
  readonly decision: LearnedRow
  readonly snapshot: LearnedRow
  readonly audit: ReadonlyArray<LearnedRow>
}

/** Everything the floor has to write. */
export interface Learned {
  readonly allowed: LearnedRuling
  readonly denied: LearnedRuling & { readonly notice: LearnedRow }
  readonly succeeded: Move & { readonly record: LearnedRow; readonly notice: LearnedRow }
}

/** Among so many runs there are some that are denied. */
const LEARNED_FROM = 3_000

const rulingOf = Effect.fnUntraced(function* (sql: PgClient.PgClient, queued: ReadonlyArray<LearnedRow>, id: string) {
  const before = queued.find(({ cells }) => cells.id === id)
  const after = yield* rowWhere(sql, "runs", `id = '${id}'`)
  const decision = yield* rowWhere(sql, "decisions", `run_id = '${id}'`)
  const snapshot = yield* rowWhere(sql, "snapshots", `hash = '${decision.cells.snapshot_hash ?? ""}'`)
  const audit = yield* rowsWhere(sql, "audit_records", `run_id = '${id}' AND action <> 'run.dispatched' ORDER BY id`)
  if (before === undefined) return yield* new NotRight({ message: `run ${id} was not queued` })
  const ruling: LearnedRuling = { before, after, decision, snapshot, audit }
  return ruling
})

const succeed = Effect.fnUntraced(function* (running: Running) {
  const { admission } = running
  const next = step(running, { _tag: "Succeed", admission, atMillis: Date.now(), counts: {}, result: null })
  const runs = yield* RunStore
  yield* runs.write([yield* Effect.fromResult(next)], null)
})

/** Lets the product admit some runs and complete one of them, and looks at what it wrote. */
export const learnFrom = Effect.fnUntraced(function* ({ admin }: PostgresDatabase, store: Store) {
  const { ports } = yield* store.filled({ queued: LEARNED_FROM })
  const queued = yield* rowsWhere(admin, "runs", "status = 'queued'")
  const started: Array<Running> = []
  const keep = (admitted: { readonly started: ReadonlyArray<Running> }) =>
    Effect.sync(() => {
      started.push(...admitted.started)
    })
  yield* Effect.provide(millisToAdmit({ lanes: 1 }, LEARNED_FROM, 100, keep), ports)
  const [running] = started
  if (running === undefined) return yield* new NotRight({ message: "no run was started" })
  const { id } = running.dispatch
  const allowed = yield* rulingOf(admin, queued, id)
  const blocked = yield* rowWhere(admin, "runs", "outcome = 'blocked'")
  const denied = yield* rulingOf(admin, queued, blocked.cells.id ?? "")
  yield* Effect.provide(succeed(running), ports)
  const learned: Learned = {
    allowed,
    denied: { ...denied, notice: yield* rowWhere(admin, "notices", `run_id = '${blocked.cells.id}'`) },
    succeeded: {
      before: allowed.after,
      after: yield* rowWhere(admin, "runs", `id = '${id}'`),
      record: yield* rowWhere(admin, "audit_records", `run_id = '${id}' AND action = 'run.succeeded'`),
      notice: yield* rowWhere(admin, "notices", `run_id = '${id}'`)
    }
  }
  return learned
})
