/**
 * What the product writes for a run, learned from what it wrote for two: one that started and succeeded, one that was blocked. The
 * floor writes the same columns with the same values, whatever migrations add to them.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { NotRight } from "./Store.ts"

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
    WHERE attrelid = ${`${Q}.${table}`}::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''
    ORDER BY attnum`
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]))
})

/** The rows of a table of which `condition` is true, in their order. */
export const rowsWhere = Effect.fnUntraced(function* (sql: PgClient.PgClient, table: string, condition: string) {
  const types = yield* typesOf(sql, table)
  const cells = Object.keys(types).map((name) => `${name}::text`)
  const rows = yield* sql.unsafe<Cells>(`SELECT ${cells.join(", ")} FROM ${Q}.${table} WHERE ${condition}`)
  return rows.map((row): LearnedRow => ({ cells: row, types }))
})

/** The one row of a table of which `condition` is true. */
export const rowWhere = Effect.fnUntraced(function* (sql: PgClient.PgClient, table: string, condition: string) {
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

/**
 * What to set so that a row becomes one of two others. `isFirst` is an expression; columns that stay as they are in both are not
 * named.
 */
export const becoming = (
  before: ReadonlyArray<LearnedRow>,
  [first, second]: readonly [LearnedRow, LearnedRow],
  isFirst: string,
  varying: Varying,
  now: string
): string =>
  Object.keys(first.types)
    .filter((name) =>
      [first, second].some((after, at) => (after.cells[name] ?? null) !== (before[at]?.cells[name] ?? null))
    )
    .map((name) => {
      const [ifFirst, ifSecond] = [first, second].map((row) => cellOf(row, name, varying, now))
      return ifFirst === ifSecond
        ? `${name} = ${ifFirst}`
        : `${name} = CASE WHEN ${isFirst} THEN ${ifFirst} ELSE ${ifSecond} END`
    })
    .join(", ")
