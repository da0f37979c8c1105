/** The worker as a program: how soon it is ready, what it costs while idle, how much memory it takes; and how soon the story is told. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schedule } from "effect"
import { peakMebibytesOf, processorMicrosOf, runScript, startWorker } from "../harness/program.ts"
import type { Case, Figure, Row } from "../harness/Row.ts"
import type { Store } from "../stores/Store.ts"

export const PROGRAM_LINES = {
  ready: "`countersign work` ready, ms",
  idle: "idle, processor, %",
  memory: "memory while draining, MiB",
  story: "`npm start`, s"
} as const

const COLUMN = "value"
const CONCURRENCY = 200

/** A worker is idle once what comes with its start is over. */
const SETTLING_MILLIS = 2_000

const figure = (line: string, value: number | null): ReadonlyArray<Figure> =>
  value === null ? [] : [{ line, column: COLUMN, value }]

const idleShareOf = Effect.fnUntraced(function* (pid: number, millis: number) {
  yield* Effect.sleep(SETTLING_MILLIS)
  const before = processorMicrosOf(pid)
  const begun = performance.now()
  yield* Effect.sleep(millis)
  const after = processorMicrosOf(pid)
  return before === null || after === null ? null : (after - before) / 10 / (performance.now() - begun)
})

const isDone = (admin: PgClient.PgClient) =>
  Effect.map(
    admin<{ readonly left: boolean }>`SELECT EXISTS (SELECT FROM countersign.runs WHERE status <> 'completed') AS left`,
    ([row]) => row?.left === false
  )

export interface ProgramTerms {
  readonly url: string
  readonly admin: PgClient.PgClient
  readonly store: Store
  /** How many runs are drained while memory is looked at. */
  readonly runs: number
  readonly idleMillis: number
}

const casesOf = ({ url, admin, store, runs, idleMillis }: ProgramTerms): ReadonlyArray<Case> => [
  {
    name: "ready",
    measure: Effect.fnUntraced(function* () {
      yield* store.filled({ queued: 0 })
      const { readyMillis } = yield* startWorker(url, CONCURRENCY)
      return figure(PROGRAM_LINES.ready, readyMillis)
    })
  },
  {
    name: "idle",
    once: true,
    measure: Effect.fnUntraced(function* () {
      yield* store.filled({ queued: 0 })
      const { pid } = yield* startWorker(url, CONCURRENCY)
      return figure(PROGRAM_LINES.idle, yield* idleShareOf(pid, idleMillis))
    })
  },
  {
    name: `draining ${runs}`,
    once: true,
    measure: Effect.fnUntraced(function* () {
      const filled = yield* store.filled({ queued: runs })
      const { pid } = yield* startWorker(url, CONCURRENCY)
      yield* Effect.repeat(isDone(admin), { until: (done) => done, schedule: Schedule.spaced("100 millis") })
      const peak = peakMebibytesOf(pid)
      yield* filled.check("completed", runs)
      return figure(PROGRAM_LINES.memory, peak)
    })
  },
  {
    name: "npm start",
    once: true,
    // Without `--exit` it would go on to serve its pages.
    measure: () => Effect.map(runScript("start", "--exit"), (millis) => figure(PROGRAM_LINES.story, millis / 1000))
  }
]

/** The program has to be built. */
export const programRow = (terms: ProgramTerms): Row => ({
  key: "program",
  title: "The worker as a program",
  unit: "each as it says",
  remark: `As it is published, built. Memory: the most it ever had resident, while it drained ${terms.runs.toLocaleString("en")} runs, ${CONCURRENCY} at once, with notices being delivered beside it. Idle: nothing queued, listening and polling.`,
  cases: casesOf(terms)
})

/** Where a figure of this row is. */
export const programPlace = (line: keyof typeof PROGRAM_LINES) => ({
  row: "program",
  line: PROGRAM_LINES[line],
  column: COLUMN
})
