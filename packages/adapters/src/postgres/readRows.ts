/** Rows that are read, each by itself: one that makes no sense is told, and keeps no other from being read. */
import { RunUnreadable } from "@countersign/domain"
import { Result } from "effect"

/** A reading that throws what is wrong with a row, as one that answers it. */
export const reading =
  <Row extends { readonly id: string }, R>(read: (row: Row) => R) =>
  (row: Row): Result.Result<R, RunUnreadable> =>
    Result.try({
      try: () => read(row),
      catch: (problem) =>
        new RunUnreadable({ runId: row.id, problem: problem instanceof Error ? problem.message : String(problem) })
    })

/** Reads many rows; those that make no sense are told apart. */
export const readPage = <Row, R>(
  rows: ReadonlyArray<Row>,
  read: (row: Row) => Result.Result<R, RunUnreadable>
): { readonly runs: ReadonlyArray<R>; readonly unreadable: ReadonlyArray<RunUnreadable> } => {
  const runs: Array<R> = []
  const unreadable: Array<RunUnreadable> = []
  for (const row of rows) {
    const run = read(row)
    if (Result.isSuccess(run)) runs.push(run.success)
    else unreadable.push(run.failure)
  }
  return { runs, unreadable }
}
