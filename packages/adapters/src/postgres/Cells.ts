/**
 * Many values at once, as columns: what a column is called, of what type it is and where its cells come from is said once, and
 * serves as arrays (fast, for our own client) and as JSON (for any driver).
 */
import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

/** One value of a column. */
export type Cell = string | number | bigint | boolean | Date | Uint8Array | null

/** Whether two cells hold the same. */
export const isSameCell = (one: Cell, other: Cell): boolean =>
  one === other || (one instanceof Date && other instanceof Date && one.getTime() === other.getTime())

/** How cells of a type travel, and what they are cast to on arrival. */
const types = {
  uuid: { element: PgTypes.OID.uuid, name: "uuid", cast: "" },
  text: { element: PgTypes.OID.text, name: "text", cast: "" },
  smallint: { element: PgTypes.OID.int2, name: "smallint", cast: "" },
  integer: { element: PgTypes.OID.int4, name: "integer", cast: "" },
  bigint: { element: PgTypes.OID.int8, name: "bigint", cast: "" },
  boolean: { element: PgTypes.OID.bool, name: "boolean", cast: "" },
  timestamptz: { element: PgTypes.OID.timestamptz, name: "timestamptz", cast: "" },
  bytea: { element: PgTypes.OID.bytea, name: "bytea", cast: "" },
  /** The cell is JSON as text: a JSON null is then a value, not a missing one. */
  jsonb: { element: PgTypes.OID.text, name: "text", cast: "::jsonb" },
  /** The same, kept to the letter. */
  json: { element: PgTypes.OID.text, name: "text", cast: "::json" }
} as const

/** The PostgreSQL types our columns have. */
export type ColumnType = keyof typeof types

/** One column of values made from an `A`. */
export interface Column<A> {
  readonly name: string
  readonly type: ColumnType
  readonly of: (value: A) => Cell
  /** True where few different cells come with many values; see `sendingOf`. */
  readonly isShared: boolean
}

/** Shorthand for a {@link Column} whose cells are of many kinds. */
export const column = <A>(name: string, type: ColumnType, of: (value: A) => Cell): Column<A> => ({
  name,
  type,
  of,
  isShared: false
})

/** Shorthand for a {@link Column} with few different cells. */
export const shared = <A>(name: string, type: ColumnType, of: (value: A) => Cell): Column<A> => ({
  name,
  type,
  of,
  isShared: true
})

/** An array of a given type as a parameter of our own client, which cannot infer the type of empty arrays and nulls. */
export const arrayOf = (type: ColumnType, cells: ReadonlyArray<Cell>): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(cells, types[type].element))

/** One array for each column. */
export const arraysOf = <A>(
  columns: ReadonlyArray<Column<A>>,
  values: ReadonlyArray<A>
): ReadonlyArray<PgTypes.Parameter> => columns.map(({ type, of }) => arrayOf(type, values.map(of)))

/** What a cell of this type is to SQL as it is sent. */
export const sentAs = (type: ColumnType): string => types[type].name

/** Brings what was sent to its final type. */
export const castOf = (type: ColumnType): string => types[type].cast

/** The arrays as rows of a table `alias`; the first of them is parameter number `first`. */
export const fromArrays = <A>(columns: ReadonlyArray<Column<A>>, first: number, alias: string): string => {
  const arrays = columns.map(({ type }, index) => `$${first + index}::${types[type].name}[]`)
  return `unnest(${arrays.join(", ")}) AS ${alias}(${namesOf(columns)})`
}

/** One object for each value, for a JSON parameter. */
export const objectsOf = <A>(columns: ReadonlyArray<Column<A>>, values: ReadonlyArray<A>) =>
  values.map((value) => Object.fromEntries(columns.map(({ name, of }) => [name, of(value)])))

/** The objects of a `jsonb` expression as rows of a table `alias`. */
export const fromJson = <A>(columns: ReadonlyArray<Column<A>>, json: string, alias: string): string =>
  `jsonb_to_recordset(${json}) AS ${alias}(${definitionsOf(columns)})`

/** The columns with their types, as whoever reads records has to say them. */
export const definitionsOf = <A>(columns: ReadonlyArray<Column<A>>): string =>
  columns.map(({ name, type }) => `${name} ${types[type].name}`).join(", ")

/** The names, to insert into. */
export const namesOf = <A>(columns: ReadonlyArray<Column<A>>): string => columns.map(({ name }) => name).join(", ")

/** The cells of the table `alias` in their final types, to insert. */
export const cellsOf = <A>(columns: ReadonlyArray<Column<A>>, alias: string): string =>
  columns.map(({ name, type }) => `${alias}.${name}${types[type].cast}`).join(", ")

/** An instant as a cell. */
export const instantOf = (millis: number | null): Date | null => (millis === null ? null : new Date(millis))
