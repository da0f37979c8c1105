/** Whether a worker slows down as the backlog grows, and while somebody else keeps an old snapshot open. */
import { Effect, type Scope } from "effect"
import type { Case, Row } from "../harness/Row.ts"
import { median } from "../harness/statistics.ts"
import { type Backlog, openBacklog } from "../stores/postgres.ts"
import type { Store } from "../stores/Store.ts"
import { clientOf } from "../stores/server.ts"
import { work } from "./work.ts"

const BATCH = 100

export const FLATNESS_LINE = `a worker, batch ${BATCH}`

/** The column of a backlog. */
export const backlogColumn = (size: number): string => `${size.toLocaleString("en")} queued and finished`

const caseOf = (backlog: Backlog, size: number, most: number): Case => ({
  name: backlogColumn(size),
  measure: (share) =>
    Effect.gen(function* () {
      const runs = Math.ceil(most * share)
      const filled = yield* backlog.filledUp
      const { millis, ended } = yield* work(filled, { batch: BATCH, runs })
      yield* filled.check("completed", ended)
      backlog.drained(ended)
      return [{ line: FLATNESS_LINE, column: backlogColumn(size), value: (runs / millis) * 1000 }]
    })
})

/** Opens a database for each size; all of them drain the same number of runs each round. */
export const flatnessRow = (
  serverUrl: string,
  sizes: ReadonlyArray<number>,
  runs: number,
  connections: number
): Effect.Effect<Row, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const cases: Array<Case> = []
    for (const size of sizes) cases.push(caseOf(yield* openBacklog(serverUrl, size, connections), size, runs))
    return {
      key: "flatness",
      title: "Flatness",
      unit: "runs per second",
      remark: `Each round a worker takes ${runs.toLocaleString("en")} runs from the front of the queue, which is then filled up again; what was completed stays, so each round begins with more of it.`,
      cases
    }
  })

export const OLD_SNAPSHOT_LINE = "last tenth ÷ first tenth"

/**
 * One transaction elsewhere keeps its snapshot for the whole drain, so that nothing that dies meanwhile can be cleared away. The
 * first and last tenth of the drain are compared: how fast they were.
 */
export const oldSnapshotRow = (url: string, store: Store, size: number): Row => ({
  key: "old-snapshot",
  title: "Flatness with an old snapshot held open elsewhere",
  unit: "rate of the last tenth ÷ rate of the first",
  remark: `${size.toLocaleString("en")} runs, batch ${BATCH}. The first tenth holds the start of the worker too.`,
  cases: [
    {
      name: `${size} runs`,
      measure: (share) =>
        Effect.gen(function* () {
          const runs = Math.ceil(size * share)
          const filled = yield* store.filled({ queued: runs })
          const elsewhere = yield* clientOf(url, 1)
          const { tenthsMillis } = yield* Effect.andThen(
            elsewhere`SELECT count(*) FROM countersign.tenants`,
            work(filled, { batch: BATCH, runs })
          ).pipe((held) =>
            elsewhere.withTransaction(Effect.andThen(elsewhere`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`, held))
          )
          yield* filled.check("completed", runs)
          return [
            {
              line: OLD_SNAPSHOT_LINE,
              column: "rate",
              value: (tenthsMillis[0] ?? 0) / (tenthsMillis[9] ?? Number.NaN)
            },
            {
              line: "slowest tenth ÷ median tenth",
              column: "rate",
              value: median(tenthsMillis) / Math.max(...tenthsMillis)
            }
          ]
        })
    }
  ]
})
