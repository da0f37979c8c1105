/** Which rows are measured, and over what. */
import { Effect, type Scope } from "effect"
import { BATCHES } from "./contenders/questions.ts"
import { LINES } from "./goals.ts"
import { installPeers, openContender } from "./harness/peer.ts"
import { runScript } from "./harness/program.ts"
import { say } from "./harness/progress.ts"
import type { Case, Row } from "./harness/Row.ts"
import type { Options } from "./options.ts"
import { admissionRow } from "./rows/admission.ts"
import { boardRow } from "./rows/board.ts"
import { decideRow } from "./rows/decide.ts"
import { dispatchRow } from "./rows/dispatch.ts"
import { type Contender, endToEndRow } from "./rows/endToEnd.ts"
import { flatnessRow, oldSnapshotRow } from "./rows/flatness.ts"
import { impactRow } from "./rows/impact.ts"
import { latencyRow } from "./rows/latency.ts"
import { openCasl, openQueuePeers, type QueuePeers } from "./rows/peers.ts"
import { processorRow } from "./rows/processor.ts"
import { programRow } from "./rows/program.ts"
import { walRow } from "./rows/wal.ts"
import { type BenchSizes, sizesOf } from "./sizes.ts"
import { memoryStore } from "./stores/memory.ts"
import { describeServer, openEmbedded, openPostgres, type PostgresDatabase } from "./stores/postgres.ts"
import { postgresUrl } from "./stores/server.ts"
import { withoutGuard } from "./stores/ungated.ts"

/** What is to be measured. */
export interface Plan {
  readonly rows: ReadonlyArray<Row>
  /** What the server says of itself; empty when none is used. */
  readonly database: ReadonlyArray<string>
}

/** How many connections work; the product's own pool has one more, which listens. */
const WORKING = 4
/** The memory adapter looks through everything that is active at each claim: it is measured on less. */
const MEMORY_RUNS = 2_000

type Opened<A> = Effect.Effect<A, unknown, Scope.Scope>

/** Left out of a quick bench unless they are named: rows without goals, and one whose database takes long to fill. */
const LEFT_OUT_OF_QUICK = ["admission", "wal", "processor", "board", "impact"]

/** How many runs the workspace has that a page of Monitoring reads. */
const BOARD_RUNS = 1_000_000

/** What was asked for. `details` are lines without goals in rows that have some. */
const wantedBy = ({ quick, only, without }: Options) => ({
  row: (key: string) => (only === null ? !quick || !LEFT_OUT_OF_QUICK.includes(key) : only.has(key)),
  details: !quick,
  part: (part: string) => !without.has(part)
})

const NO_PEERS: QueuePeers = { endToEnd: [], dispatch: [] }

const openServerRows = (options: Options, sizes: BenchSizes): Opened<Plan> =>
  Effect.gen(function* () {
    const wanted = wantedBy(options)
    say("a PostgreSQL server is started and filled")
    const serverUrl = yield* postgresUrl
    const database = yield* openPostgres(serverUrl)
    const { url, admin } = database
    const main = yield* database.through(`PostgreSQL, ${WORKING} connections`, WORKING + 1, 2)
    const hasPeers = wanted.part("peers") && (wanted.row("end-to-end") || wanted.row("dispatch"))
    const peers = hasPeers ? yield* openQueuePeers(serverUrl, sizes) : NO_PEERS
    const rows: Array<Row> = []
    if (wanted.row("end-to-end")) {
      const ungatedDatabase = yield* openPostgres(serverUrl)
      yield* withoutGuard(ungatedDatabase)
      const slowDatabase = yield* openPostgres(serverUrl, { commit_delay: "1000", commit_siblings: "0" })
      const open = (name: string, { url }: PostgresDatabase, connections: number) =>
        openContender("contender", [name, url, String(connections)])
      const program = yield* open("postgres", database, WORKING + 1)
      const alone = yield* open("postgres", database, 2)
      const ungated = yield* open("ungated", ungatedDatabase, WORKING + 1)
      const slowDisk = yield* open("postgres", slowDatabase, WORKING + 1)
      const floor = yield* open("floor", database, WORKING)
      const { runs, embedded } = sizes
      const guarded = { line: LINES.guarded, program, batch: 100, runs, log: admin }
      const details: ReadonlyArray<Contender> = [
        { ...guarded, line: `${LINES.guarded}, facts known`, snapshots: "known" },
        { line: `${LINES.guarded}, delivered`, program, batch: 100, runs: Math.ceil(runs / 4), delivered: true }
      ]
      rows.push(
        endToEndRow(
          [
            guarded,
            { line: LINES.guarded, program, batch: 500, runs },
            { line: LINES.ungated, program: ungated, batch: 100, runs },
            { line: LINES.ungated, program: ungated, batch: 500, runs },
            { line: LINES.slowDisk, program: slowDisk, batch: 100, runs },
            { line: LINES.oneConnection, program: alone, batch: 100, runs: embedded },
            ...BATCHES.map((batch) => ({ line: LINES.floor, program: floor, batch, runs })),
            ...(wanted.details ? details : [])
          ],
          peers.endToEnd
        )
      )
    }
    if (wanted.row("flatness")) {
      say("the backlogs are filled")
      rows.push(yield* flatnessRow(serverUrl, sizes.backlogs, sizes.backlogs[0] / 2, WORKING + 1))
    }
    if (wanted.row("old-snapshot")) rows.push(oldSnapshotRow(url, main, sizes.oldSnapshot))
    if (wanted.row("latency")) rows.push(latencyRow([main], sizes.latencies))
    if (wanted.row("dispatch")) {
      rows.push(dispatchRow([main], sizes.dispatched, wanted.details, peers.dispatch))
    }
    if (wanted.row("impact")) {
      say("a backlog to ask about is filled")
      rows.push(yield* impactRow(serverUrl, sizes.impact, WORKING + 1))
    }
    if (wanted.row("program")) {
      say("the worker is built")
      yield* runScript("build")
      rows.push(programRow({ url, admin, store: main, runs: sizes.drained, idleMillis: sizes.idleMillis }))
    }
    if (wanted.row("admission")) rows.push(admissionRow([main], sizes.admission))
    if (wanted.row("wal")) rows.push(walRow(admin, main, sizes.dispatched))
    if (wanted.row("processor")) rows.push(processorRow(main, sizes.runs, admin))
    if (wanted.row("board")) {
      say("a workspace is filled for Monitoring")
      rows.push(yield* boardRow(serverUrl, BOARD_RUNS))
    }
    return { rows, database: [yield* describeServer(admin)] }
  })

const openEmbeddedRows = (options: Options, sizes: BenchSizes): Opened<ReadonlyArray<Row>> =>
  Effect.gen(function* () {
    const wanted = wantedBy(options)
    const rows: Array<Row> = []
    if (wanted.row("end-to-end")) {
      say("the embedded database is filled, in a process of its own")
      const program = yield* openContender("contender", ["embedded"])
      rows.push(endToEndRow([{ line: LINES.embedded, program, batch: 100, runs: sizes.embedded }], []))
    }
    const isIn = (key: string) => wanted.row(key) && (wanted.details || LEFT_OUT_OF_QUICK.includes(key))
    if (!["latency", "dispatch", "admission", "processor"].some(isIn)) return rows
    say("the embedded database is filled")
    const store = yield* openEmbedded
    if (isIn("latency")) rows.push(latencyRow([store], sizes.latencies))
    if (isIn("dispatch")) rows.push(dispatchRow([store], sizes.embedded, true, []))
    if (isIn("admission")) rows.push(admissionRow([store], sizes.admission))
    if (isIn("processor")) rows.push(processorRow(store, sizes.embedded, null))
    return rows
  })

const openMemoryRows = (options: Options, { admission }: BenchSizes): Opened<ReadonlyArray<Row>> =>
  Effect.gen(function* () {
    const wanted = wantedBy(options)
    const sizes = new Map(
      [...admission].map(([batch, runs]) => [batch, Math.min(runs, Math.round(300 * Math.sqrt(batch)))])
    )
    const rows: Array<Row> = []
    if (wanted.row("admission")) rows.push(admissionRow([memoryStore], sizes))
    if (wanted.row("end-to-end") && wanted.details) {
      const program = yield* openContender("contender", ["memory"])
      rows.push(endToEndRow([{ line: LINES.memory, program, batch: 100, runs: MEMORY_RUNS }], []))
    }
    return rows
  })

/** Rows of one key, put together: their cases side by side. */
const merged = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const byKey = new Map<string, Row>()
  for (const row of rows) {
    const known = byKey.get(row.key)
    byKey.set(row.key, known === undefined ? row : { ...known, cases: [...known.cases, ...row.cases] })
  }
  return [...byKey.values()]
}

/** Opens everything these options ask for; it lasts as long as the scope. */
export const openPlan = (options: Options): Opened<Plan> =>
  Effect.gen(function* () {
    const wanted = wantedBy(options)
    const sizes = sizesOf(options)
    const rows: Array<Row> = []
    if (wanted.part("peers")) yield* installPeers
    if (wanted.row("decide")) {
      const casl: ReadonlyArray<Case> = wanted.part("peers") ? yield* openCasl(sizes.caslPasses) : []
      rows.push(yield* decideRow(sizes.decidePasses, casl))
    }
    const server = wanted.part("postgres") ? yield* openServerRows(options, sizes) : { rows: [], database: [] }
    rows.push(...server.rows)
    if (wanted.part("embedded")) rows.push(...(yield* openEmbeddedRows(options, sizes)))
    if (wanted.part("memory")) rows.push(...(yield* openMemoryRows(options, sizes)))
    return { rows: merged(rows), database: server.database }
  })
