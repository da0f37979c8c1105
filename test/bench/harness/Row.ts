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
  /** `share`, above 0 and at most 1, is how much of the work is to be done: the warm-up does less. */
  readonly measure: (share: number) => Effect.Effect<ReadonlyArray<Figure>, unknown, Scope.Scope>
  /** True for what takes long and varies little: it is measured in the last round only. */
  readonly once?: boolean
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
