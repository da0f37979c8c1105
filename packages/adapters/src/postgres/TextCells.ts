/**
 * Many values at once as texts, which any driver can send: the cells of each column as the text of an array, and what all values say
 * alike once, as JSON.
 */
import { type Cell, type Column, castOf, definitionsOf, isSameCell, namesOf, sentAs } from "./Cells.ts"

/**
 * One text for each column, and one for what is shared. The first column, the key, always has all its cells: it says how many values
 * there are.
 */
export const textsOf = <A>(columns: ReadonlyArray<Column<A>>, values: ReadonlyArray<A>): ReadonlyArray<string> => {
  const shared: Record<string, string | null> = {}
  const arrays = columns.map(({ name, of }, index) => {
    const cells = values.map(of)
    const [first = null] = cells
    if (index === 0 || !cells.every((cell) => isSameCell(cell, first))) return arrayText(cells)
    shared[name] = first === null ? null : textOf(first)
    return NO_CELLS
  })
  return [...arrays, JSON.stringify(shared)]
}

/** How many parameters {@link textsOf} makes of them. */
export const textCount = <A>(columns: ReadonlyArray<Column<A>>): number => columns.length + 1

/** The texts as rows of a table `alias`, in the order of the values; the first of them is parameter number `first`. */
export const fromTexts = <A>(columns: ReadonlyArray<Column<A>>, first: number, alias: string): string => {
  const arrays = columns.map(({ type }, index) => `$${first + index}::text::${sentAs(type)}[]`)
  return `unnest(${arrays.join(", ")}) AS ${alias}(${namesOf(columns)})
  CROSS JOIN json_to_record($${first + columns.length}::text::json) AS ${alias}_all(${definitionsOf(columns)})`
}

/** The cells of such a table in their final types, to insert. A column that is shared has no cells of its own. */
export const textCellsOf = <A>(columns: ReadonlyArray<Column<A>>, alias: string): string =>
  columns.map(({ name, type }) => `coalesce(${alias}.${name}, ${alias}_all.${name})${castOf(type)}`).join(", ")

const NO_CELLS = "{}"

/** An array as text, as PostgreSQL reads it. */
export const arrayText = (cells: ReadonlyArray<Cell>): string =>
  `{${cells.map((cell) => (cell === null ? "NULL" : quoted(textOf(cell)))).join(",")}}`

const textOf = (cell: Exclude<Cell, null>): string => {
  if (typeof cell === "string") return cell
  if (cell instanceof Date) return cell.toISOString()
  return cell instanceof Uint8Array ? `\\x${Buffer.from(cell).toString("hex")}` : String(cell)
}

/** Only these two mean something inside quotes. */
const SPECIAL = /["\\]/
const EVERY_SPECIAL = /["\\]/g

const quoted = (text: string): string => `"${SPECIAL.test(text) ? text.replace(EVERY_SPECIAL, "\\$&") : text}"`
