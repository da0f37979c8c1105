/** `npm run bench`: how fast we are, measured; see docs/benchmarks.md. */
import { Effect, Logger, type Scope } from "effect"
import { loadNow, machineWith } from "./harness/machine.ts"
import { say } from "./harness/progress.ts"
import type { Row } from "./harness/Row.ts"
import { SEED } from "./harness/random.ts"
import { markdownOf, type Report, rowsOf } from "./harness/report.ts"
import { measureRows } from "./harness/rounds.ts"
import { type Options, optionsOf, USAGE } from "./options.ts"
import { admissionRow } from "./rows/admission.ts"
import { decideRow } from "./rows/decide.ts"
import { dispatchRow } from "./rows/dispatch.ts"
import { endToEndRow } from "./rows/endToEnd.ts"
import { flatnessRow } from "./rows/flatness.ts"
import { latencyRow } from "./rows/latency.ts"
import { processorRow } from "./rows/processor.ts"
import { walRow } from "./rows/wal.ts"
import { memoryStore } from "./stores/memory.ts"
import { describeServer, openEmbedded, openPostgres } from "./stores/postgres.ts"
import type { Store } from "./stores/Store.ts"
import { postgresUrl } from "./stores/server.ts"

const optionsOrUsage = (): Options => {
  try {
    return optionsOf(process.argv.slice(2))
  } catch (problem) {
    process.stderr.write(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}\n`)
    process.exit(2)
  }
}

const options = optionsOrUsage()
const { quick } = options

/** Runs of one drain by batch. */
const sizes = new Map(
  quick
    ? [
        [1, 300],
        [10, 2_000],
        [100, 6_000],
        [500, 10_000]
      ]
    : [
        [1, 1_000],
        [10, 6_000],
        [100, 20_000],
        [500, 30_000]
      ]
)
/** The memory adapter looks through everything that is active at each claim: it is measured on less. */
const memorySizes = new Map(
  [...sizes].map(([batch, runs]) => [batch, Math.min(runs, Math.round(300 * Math.sqrt(batch)))])
)

const isWanted = (key: string) => options.only === null || options.only.has(key)
const has = (store: string) => !options.without.has(store)

interface Opened {
  readonly rows: ReadonlyArray<Row>
  readonly database: ReadonlyArray<string>
}

const openMemoryRows = (): Array<Row> => [admissionRow([memoryStore], memorySizes), endToEndRow([memoryStore], 2_000)]

const openServerRows = Effect.gen(function* () {
  say("a PostgreSQL server is started and filled")
  const serverUrl = yield* postgresUrl
  const database = yield* openPostgres(serverUrl)
  const one = yield* database.through("PostgreSQL, 1 connection", 1, 1)
  const two = yield* database.through("PostgreSQL, 2 connections", 2, 2)
  const five = yield* database.through("PostgreSQL, 5 connections", 5, 2)
  const rows: Array<Row> = [
    admissionRow([one, two], sizes),
    endToEndRow([five], quick ? 6_000 : 20_000),
    dispatchRow([five], quick ? 5_000 : 20_000),
    latencyRow([five], quick ? 50 : 200),
    walRow(database.admin, one, quick ? 2_000 : 10_000),
    processorRow(one, quick ? 6_000 : 20_000, database.admin)
  ]
  if (isWanted("flatness")) {
    say("the backlogs are filled")
    const backlogs = options.long ? [1_000, 100_000, 1_000_000] : [1_000, 100_000]
    rows.push(yield* flatnessRow(serverUrl, backlogs, quick ? 6_000 : 20_000))
  }
  return { rows, database: [yield* describeServer(database.admin)] }
})

const openEmbeddedRows = Effect.gen(function* () {
  say("the embedded database is filled")
  const store: Store = yield* openEmbedded
  return [
    admissionRow([store], sizes),
    endToEndRow([store], quick ? 3_000 : 10_000),
    dispatchRow([store], quick ? 2_000 : 5_000),
    latencyRow([store], quick ? 50 : 200),
    processorRow(store, quick ? 6_000 : 20_000, null)
  ]
})

/** Rows of one key, put together: their cases side by side. */
const merged = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const byKey = new Map<string, Row>()
  for (const row of rows) {
    const known = byKey.get(row.key)
    byKey.set(row.key, known === undefined ? row : { ...known, cases: [...known.cases, ...row.cases] })
  }
  return [...byKey.values()].sort((a, b) => (a.title < b.title ? -1 : 1))
}

const opened: Effect.Effect<Opened, unknown, Scope.Scope> = Effect.gen(function* () {
  const rows: Array<Row> = [decideRow(quick ? 300 : 1_000)]
  if (has("memory")) rows.push(...openMemoryRows())
  if (has("embedded")) rows.push(...(yield* openEmbeddedRows))
  const server = has("postgres") ? yield* openServerRows : { rows: [], database: [] }
  rows.push(...server.rows)
  return { rows: merged(rows).filter(({ key }) => isWanted(key)), database: server.database }
})

const bench = Effect.gen(function* () {
  const startedAt = new Date()
  const loadBefore = loadNow()
  const { rows, database } = yield* opened
  const measured = yield* measureRows(rows, options.rounds)
  const report: Report = {
    machine: machineWith(database),
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    load: [loadBefore, loadNow()],
    mode: [quick ? "quick" : "full", ...(options.long ? ["long"] : [])].join(", "),
    rounds: options.rounds,
    seed: SEED,
    rows: rowsOf(rows, measured)
  }
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : markdownOf(report)}\n`)
})

/** What is logged goes where progress goes: standard output is for the result. */
const onStandardError = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

await Effect.runPromise(Effect.provide(Effect.scoped(bench), onStandardError))
