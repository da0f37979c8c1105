/** Tables of plain text: columns as wide as what is in them, cells of one or more lines, wide characters counted as two. */
import type { Tone } from "@countersign/domain"
import { CliOutput } from "effect/cli"
import { printable, type Style } from "./Style.ts"

/** One line of a cell. */
export interface Line {
  readonly text: string
  readonly tone?: Tone
}

/** A cell, from top to bottom. */
export type Cell = ReadonlyArray<Line>

/** A cell of one line. */
export const cell = (text: string, tone: Tone = "neutral"): Cell => [{ text, tone }]

/** Titles and rows; every row has a cell for each column. */
export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
}

const GAP = "  "

/** The table's lines, without a line end. The last column is not padded. */
export const renderTable = ({ columns, rows }: Table, style: Style): ReadonlyArray<string> => {
  const clean = rows.map((row) => row.map((cell) => cell.map((line) => ({ ...line, text: printable(line.text) }))))
  const widths = columns.map((title, column) =>
    Math.max(
      CliOutput.displayWidth(title),
      ...clean.flatMap((row) => (row[column] ?? []).map(({ text }) => CliOutput.displayWidth(text)))
    )
  )
  const padded = (text: string, column: number): string =>
    column === columns.length - 1
      ? text
      : text + " ".repeat(Math.max(0, (widths[column] ?? 0) - CliOutput.displayWidth(text)))

  const header = columns.map((title, column) => style.strong(padded(title, column))).join(GAP)
  const lines = clean.flatMap((row) => {
    const height = Math.max(...row.map((cell) => cell.length))
    return Array.from({ length: height }, (_, index) =>
      columns
        .map((_, column) => {
          const { text, tone = "neutral" } = row[column]?.[index] ?? { text: "" }
          return style.tone(tone, padded(text, column))
        })
        .join(GAP)
        .trimEnd()
    )
  })
  return [header, ...lines]
}
