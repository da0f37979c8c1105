/** Whether a worker slows down as the backlog grows, and while somebody else keeps an old snapshot open. */
import { Effect, type Scope } from "effect"
import type { Case, Row } from "../harness/Row.ts"
import { median } from "../harness/statistics.ts"
import { type Backlog, openBacklog } from "../stores/postgres.ts"
import type { Store } from "../stores/Store.ts"
import { clientOf } from "../stores/server.ts"
import { PARTS, work } from "./work.ts"

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
 * One transaction elsewhere keeps its snapshot for the whole drain, so that nothing that dies meanwhile can be cleared away. Compared
 * are the rates of the first and the last of ten parts.
 */
export const oldSnapshotRow = (url: string, store: Store, size: number): Row => ({
  key: "old-snapshot",
  title: "Flatness with an old snapshot held open elsewhere",
  unit: "rate of the last tenth ÷ rate of the first",
  remark: `${size.toLocaleString("en")} runs, batch ${BATCH}. A tenth as much is drained before the first tenth, while the worker warms up, and again behind the last, where it runs dry.`,
  cases: [
    {
      name: `${size} runs`,
      measure: Effect.fnUntraced(function* (share) {
        const runs = Math.ceil((size * share * PARTS) / (PARTS - 2))
        const filled = yield* store.filled({ queued: runs })
        const tenths = (yield* whileSnapshotIsHeld(url, work(filled, { batch: BATCH, runs }))).partsMillis.slice(1, -1)
        yield* filled.check("completed", runs)
        const [first = Number.NaN] = tenths
        return [
          { line: OLD_SNAPSHOT_LINE, column: "rate", value: first / (tenths.at(-1) ?? Number.NaN) },
          { line: "slowest ÷ median tenth", column: "rate", value: median(tenths) / Math.max(...tenths) }
        ]
      })
    }
  ]
})

const whileSnapshotIsHeld = <A, E>(url: string, effect: Effect.Effect<A, E>) =>
  Effect.flatMap(clientOf(url, 1), (elsewhere) =>
    elsewhere.withTransaction(
      Effect.gen(function* () {
        yield* elsewhere`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`
        yield* elsewhere`SELECT count(*) FROM countersign.tenants`
        return yield* effect
      })
    )
  )
