/** What is measured: rows, each with cases that are measured once a round and give figures. */
import type { Effect, Scope } from "effect"

/** One number of one round. Figures of the same line and column, over the rounds, make one cell of a row's table. */
export interface Figure {
  /** What was measured, such as `PostgreSQL, 2 connections`. */
  readonly line: string
  /** Under which condition, such as `batch 100`, or which number of several, such as `p99`. */
  readonly column: string
  readonly value: number
}

/** One measurement: prepares itself, measures, checks what it did, and fails when that is not right. */
export interface Case {
  readonly name: string
  readonly measure: Effect.Effect<ReadonlyArray<Figure>, unknown, Scope.Scope>
}

/** One question, and what is measured to answer it. */
export interface Row {
  /** Short, for `--only`. */
  readonly key: string
  readonly title: string
  /** The unit of its figures, unless the column says another. */
  readonly unit: string
  /** What to know when reading it. */
  readonly remark: string
  readonly cases: ReadonlyArray<Case>
}
