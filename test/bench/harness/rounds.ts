/**
 * Everything is measured once a round, one case after the other, so that a machine that grows slower or faster meanwhile does so
 * for all of them. Every second round goes backwards. The first is a warm-up with a part of the work, and is not counted.
 */
import { Effect } from "effect"
import { say } from "./progress.ts"
import type { Figure, Row } from "./Row.ts"

/** How much of the work the warm-up does. */
const WARM_UP = 0.25

/** The figures of every counted round, by the key of their row. */
export type Measured = ReadonlyMap<string, ReadonlyArray<Figure>>

/** Measures all rows, `rounds` times after the warm-up. */
export const measureRows = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>, rounds: number) {
  const measured = new Map<string, Array<Figure>>(rows.map(({ key }) => [key, []]))
  const cases = rows.flatMap((row) => row.cases.map((one) => ({ row, one })))
  for (let round = 0; round <= rounds; round++) {
    const label = round === 0 ? "warm-up" : `round ${round} of ${rounds}`
    const due = cases.filter(({ one }) => one.once !== true || round === rounds)
    for (const [at, { row, one }] of (round % 2 === 0 ? due : due.toReversed()).entries()) {
      say(`${label}, ${at + 1} of ${due.length}: ${row.key}, ${one.name}`)
      const figures = yield* Effect.scoped(one.measure(round === 0 ? WARM_UP : 1))
      if (round > 0) measured.get(row.key)?.push(...figures)
    }
  }
  const all: Measured = measured
  return all
})
