/** Row 4: whether admission slows down as the backlog grows. */
import { Effect, type Scope } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import { type Backlog, openBacklog } from "../stores/postgres.ts"
import { millisToAdmit } from "./drain.ts"

const BATCH = 100
const CONNECTIONS = 2

const caseOf = (backlog: Backlog, size: number, runs: number): Case => ({
  name: `${size} queued and as many finished`,
  measure: Effect.gen(function* () {
    const { ports, check } = yield* backlog.filledUp
    collectGarbage()
    const millis = yield* Effect.provide(millisToAdmit({ lanes: CONNECTIONS }, runs, BATCH), ports)
    yield* check("admitted", runs)
    backlog.drained(runs)
    return [
      {
        line: "PostgreSQL, 2 connections, batch 100",
        column: `${size.toLocaleString("en")} queued + finished`,
        value: (runs / millis) * 1000
      }
    ]
  })
})

/** Opens a database for each size; all of them drain the same number of runs each round. */
export const flatnessRow = (
  serverUrl: string,
  sizes: ReadonlyArray<number>,
  runs: number
): Effect.Effect<Row, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const cases: Array<Case> = []
    for (const size of sizes) {
      cases.push(caseOf(yield* openBacklog(serverUrl, size, CONNECTIONS), size, Math.min(runs, size)))
    }
    return {
      key: "flatness",
      title: "4. Flatness",
      unit: "runs per second",
      remark: `Each round takes at most ${runs.toLocaleString("en")} runs from the front of the queue, which is then filled up again; admitted runs stay, so each round begins with more of them.`,
      cases
    }
  })
