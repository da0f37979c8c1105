/** What is to be reached: figures, or ratios of figures that were taken in the same rounds, each with a least and an aim. */
import type { Cell, Report } from "./report.ts"
import { median, quantile, type Summary, summaryOf } from "./statistics.ts"

/** A cell of the table of a row. */
export interface Place {
  /** The key of the row. */
  readonly row: string
  readonly line: string
  readonly column: string
}

export interface Goal {
  /** The number in the table of goals, such as `2`. */
  readonly number: string
  readonly what: string
  readonly unit: string
  /** Which way is better. */
  readonly better: "more" | "less"
  /** Worse than this, the bench fails. */
  readonly must: number
  readonly aim: number
  readonly of: Place
  /** What it is divided by, round by round. */
  readonly over?: Place
}

/** `not measured` when the rows it needs were left out. */
export type Verdict = "aim reached" | "must reached" | "BELOW" | "not measured"

export interface Judged extends Goal {
  readonly verdict: Verdict
  readonly values: ReadonlyArray<number>
  /** Null when it was not measured. */
  readonly summary: Summary | null
}

type Rows = Report["rows"]

const cellAt = (rows: Rows, { row, line, column }: Place): Cell | undefined =>
  rows.find(({ key }) => key === row)?.cells.find((cell) => cell.line === line && cell.column === column)

/** One value for each round. What was measured once is compared with the median of what was measured often. */
const valuesOf = (rows: Rows, { of, over }: Goal): ReadonlyArray<number> => {
  const above = cellAt(rows, of)?.values ?? []
  if (over === undefined) return above
  const below = cellAt(rows, over)?.values ?? []
  if (above.length === 0 || below.length === 0) return []
  if (above.length !== below.length) return [median(above) / median(below)]
  return above.map((value, round) => value / (below[round] ?? Number.NaN))
}

const verdictOn = ({ better, must, aim }: Goal, value: number): Verdict => {
  const reaches = (mark: number) => (better === "more" ? value >= mark : value <= mark)
  if (reaches(aim)) return "aim reached"
  return reaches(must) ? "must reached" : "BELOW"
}

/** The goals by what was measured; a goal is judged by the median of its rounds. */
export const judge = (goals: ReadonlyArray<Goal>, rows: Rows): ReadonlyArray<Judged> =>
  goals.map((goal) => {
    const values = valuesOf(rows, goal)
    if (values.length === 0) return { ...goal, values, verdict: "not measured", summary: null }
    return { ...goal, values, verdict: verdictOn(goal, quantile(values, 0.5)), summary: summaryOf(values) }
  })

export const isBelow = ({ verdict }: Judged): boolean => verdict === "BELOW"
