/**
 * Many values as parameters of one statement, in few letters: what each has for itself as arrays, and what many of them share once,
 * with a number that says for each value which.
 */
import type { PgTypes } from "@effect/sql-pg"
import { arrayOf, type Cell, type Column, castOf, isSameCell, sentAs } from "./Cells.ts"

/** Columns as they go to one statement. */
export interface Sending<A> {
  readonly parameters: (values: ReadonlyArray<A>) => ReadonlyArray<PgTypes.Parameter>
  /** The values as a table `alias`, with the columns that each has for itself, and `kind`. */
  readonly table: (alias: string) => string
  /** A cell in its final type, for a row of a table `alias` that has the columns of {@link Sending.table}. */
  readonly cell: (name: string, alias: string) => string
  /** The columns of {@link Sending.table} that the cells of these columns are taken from, of a row `alias`. */
  readonly own: (names: ReadonlyArray<string>, alias: string) => ReadonlyArray<string>
  /** The number of the first parameter behind these. */
  readonly next: number
}

/** With how many of the last kinds a value is compared. A kind that comes twice does no harm. */
const LOOKED_BACK = 16

type SentCell = [name: string, cell: (alias: string) => string]

/** Rows of cells, and for each value the place of its row, counted from 1. */
const kindsOf = <A>(columns: ReadonlyArray<Column<A>>, values: ReadonlyArray<A>) => {
  const rows: Array<ReadonlyArray<Cell>> = []
  const isOfKind = (value: A, row: ReadonlyArray<Cell> | undefined) =>
    columns.every(({ of }, at) => isSameCell(row?.[at] ?? null, of(value)))
  const places = values.map((value) => {
    const farthest = Math.max(0, rows.length - LOOKED_BACK)
    for (let place = rows.length; place > farthest; place--) if (isOfKind(value, rows[place - 1])) return place
    return rows.push(columns.map(({ of }) => of(value)))
  })
  return { rows, places }
}

/** What no value has need not be sent: `unnest` fills up what is missing. */
const unlessEmpty = (cells: ReadonlyArray<Cell>): ReadonlyArray<Cell> =>
  cells.every((cell) => cell === null) ? [] : cells

/**
 * The columns as parameters from number `first` on. At least one of the columns that are not shared has a cell for every value.
 *
 * Shared cells are taken by subscript: no join, whose two sides the planner could not know the sizes of.
 */
export const sendingOf = <A>(columns: ReadonlyArray<Column<A>>, first: number): Sending<A> => {
  const own = columns.filter(({ isShared }) => !isShared)
  const shared = columns.filter(({ isShared }) => isShared)
  const kindAt = first + own.length
  const arrays = [
    ...own.map(({ name, type }, at) => ({ name, sql: `$${first + at}::${sentAs(type)}[]` })),
    { name: "kind", sql: `$${kindAt}::integer[]` }
  ]
  const cells = new Map([
    ...own.map(({ name, type }): SentCell => [name, (alias) => `${alias}.${name}${castOf(type)}`]),
    ...shared.map(
      ({ name, type }, at): SentCell => [
        name,
        (alias) => `($${kindAt + 1 + at}::${sentAs(type)}[])[${alias}.kind]${castOf(type)}`
      ]
    )
  ])
  return {
    parameters: (values) => {
      const { rows, places } = kindsOf(shared, values)
      return [
        ...own.map(({ type, of }) => arrayOf(type, unlessEmpty(values.map(of)))),
        arrayOf("integer", places),
        ...shared.map(({ type }, at) =>
          arrayOf(
            type,
            rows.map((row) => row[at] ?? null)
          )
        )
      ]
    },
    table: (alias) =>
      `unnest(${arrays.map(({ sql }) => sql).join(", ")}) AS ${alias}(${arrays.map(({ name }) => name).join(", ")})`,
    cell: (name, alias) => {
      const cell = cells.get(name)
      if (cell === undefined) throw new Error(`${name} is not sent`)
      return cell(alias)
    },
    own: (names, alias) =>
      [...own.map(({ name }) => name).filter((name) => names.includes(name)), "kind"].map((name) => `${alias}.${name}`),
    next: kindAt + 1 + shared.length
  }
}
