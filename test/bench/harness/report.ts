/** The result, as Markdown for people and as JSON for programs. */
import type { Judged } from "./goals.ts"
import type { Machine } from "./machine.ts"
import type { Figure, Row } from "./Row.ts"
import type { Measured } from "./rounds.ts"
import { type Summary, summaryOf } from "./statistics.ts"

export interface Cell extends Summary {
  readonly line: string
  readonly column: string
  readonly values: ReadonlyArray<number>
}

/** One cell for each line and column, in the order in which they were first measured. */
export const cellsOf = (figures: ReadonlyArray<Figure>): ReadonlyArray<Cell> => {
  const cells = new Map<string, Array<Figure>>()
  for (const figure of figures) {
    const key = JSON.stringify([figure.line, figure.column])
    cells.set(key, [...(cells.get(key) ?? []), figure])
  }
  return [...cells.values()].flatMap((same) => {
    const [first] = same
    const values = same.map(({ value }) => value)
    return first === undefined ? [] : [{ line: first.line, column: first.column, values, ...summaryOf(values) }]
  })
}

const inWords = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(3)).toString()

const cellInWords = (cell: Cell | undefined): string =>
  cell === undefined ? "" : `**${inWords(cell.median)}** (${inWords(cell.least)}–${inWords(cell.most)})`

const tableOf = (cells: ReadonlyArray<Cell>): string => {
  const lines = [...new Set(cells.map(({ line }) => line))].sort(byNumbersInside)
  const columns = [...new Set(cells.map(({ column }) => column))].sort(byNumbersInside)
  const cellAt = (line: string, column: string) => cells.find((cell) => cell.line === line && cell.column === column)
  return [
    `| | ${columns.join(" | ")} |`,
    `|---|${columns.map(() => "--:|").join("")}`,
    ...lines.map((line) => `| ${line} | ${columns.map((column) => cellInWords(cellAt(line, column))).join(" | ")} |`)
  ].join("\n")
}

/** `batch 10` before `batch 100`; otherwise by the alphabet. */
const byNumbersInside = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true })

export interface Report {
  readonly machine: Machine
  readonly startedAt: string
  readonly seconds: number
  /** Load average before and after; see `loadNow`. */
  readonly load: readonly [before: number, after: number]
  readonly mode: string
  readonly rounds: number
  readonly seed: number
  readonly goals: ReadonlyArray<Judged>
  readonly rows: ReadonlyArray<{
    readonly key: string
    readonly title: string
    readonly unit: string
    readonly remark: string
    readonly cells: ReadonlyArray<Cell>
  }>
}

const goalInWords = ({ number, what, unit, must, aim, verdict, summary }: Judged): string => {
  const inUnit = (value: number) => `${inWords(value)}${unit === "×" ? " ×" : unit === "" ? "" : ` ${unit}`}`
  const found =
    summary === null ? "" : `**${inUnit(summary.median)}** (${inWords(summary.least)}–${inWords(summary.most)})`
  return `| ${number} | ${what} | ${found} | ${inUnit(must)} | ${inUnit(aim)} | ${verdict} |`
}

const goalsTable = (goals: ReadonlyArray<Judged>): string =>
  ["| # | goal | measured | must | aim | |", "|--:|---|--:|--:|--:|---|", ...goals.map(goalInWords)].join("\n")

export const rowsOf = (rows: ReadonlyArray<Row>, measured: Measured): Report["rows"] =>
  rows.map(({ key, title, unit, remark }) => ({ key, title, unit, remark, cells: cellsOf(measured.get(key) ?? []) }))

/** The report as Markdown: median, and in brackets the least and the most of the rounds. */
export const markdownOf = ({ machine, rows, goals, ...run }: Report): string =>
  [
    `${run.startedAt.slice(0, 10)}, ${run.mode}, ${run.rounds} rounds after one warm-up, seed ${run.seed}, ${Math.round(run.seconds)} s; load ${run.load.map((load) => load.toFixed(1)).join(" before, ")} after.`,
    `${machine.processors} × ${machine.processor}, ${machine.memoryGib} GiB; ${machine.versions.join(", ")}; ${machine.database.join(", ")}.`,
    "**Median** (least–most). Ratios are taken round by round.",
    goalsTable(goals),
    ...rows.map(({ title, unit, remark, cells }) => `### ${title}, ${unit}\n${remark}\n\n${tableOf(cells)}`)
  ].join("\n\n")
