/** The goals: what must be, and what is aimed at. Ratios are between contenders of one run. */
import type { Goal, Place } from "./harness/goals.ts"
import { BULK_COLUMN } from "./rows/dispatch.ts"
import { batchColumn, LOG_COLUMN } from "./rows/endToEnd.ts"
import { backlogColumn, FLATNESS_LINE, OLD_SNAPSHOT_LINE } from "./rows/flatness.ts"
import { IMPACT_LINE, impactColumn } from "./rows/impact.ts"
import { PEER_COLUMN } from "./rows/peers.ts"
import { programPlace } from "./rows/program.ts"
import type { BenchSizes } from "./sizes.ts"

/** Lines of the row `end-to-end`. */
export const LINES = {
  guarded: "Countersign",
  ungated: "Countersign, the gate left out",
  slowDisk: "Countersign, a flush takes 1 ms longer",
  oneConnection: "Countersign, one connection",
  embedded: "Countersign, embedded",
  memory: "Countersign, in memory",
  floor: "the SQL floor"
} as const

const endToEnd = (line: string, column: string): Place => ({ row: "end-to-end", line, column })
const guarded = (batch: number): Place => endToEnd(LINES.guarded, batchColumn(batch))
const peer = (line: string): Place => endToEnd(line, PEER_COLUMN)
const decideLine = (line: string): Place => ({ row: "decide", line, column: "ns" })
const latency = (column: string): Place => ({ row: "latency", line: "PostgreSQL, 4 connections", column })

type Marks = readonly [must: number, aim: number]

const ratio = (number: number, what: string, [must, aim]: Marks, of: Place, over: Place): Goal => ({
  number: String(number),
  what,
  unit: "×",
  better: "more",
  must,
  aim,
  of,
  over
})

const atMost = (number: number, what: string, unit: string, [must, aim]: Marks, of: Place): Goal => ({
  number: String(number),
  what,
  unit,
  better: "less",
  must,
  aim,
  of
})

/** The goals of a bench of these sizes. */
export const goalsWith = ({
  backlogs: [small, large],
  drained,
  impact
}: Pick<BenchSizes, "backlogs" | "drained" | "impact">): ReadonlyArray<Goal> => [
  atMost(1, "`decide`, mixed", "ns", [100, 30], decideLine("decide, mixed")),
  ratio(
    1,
    "times faster than CASL built from fresh facts",
    [40, 150],
    decideLine("CASL, ability built from fresh facts, 20 capabilities"),
    decideLine("decide, mixed")
  ),
  ratio(2, "guarded ÷ pg-boss unguarded, batch 100", [0.7, 1.1], guarded(100), peer("pg-boss, unguarded")),
  ratio(2, "guarded ÷ pg-boss unguarded, batch 500", [1.1, 1.7], guarded(500), peer("pg-boss, unguarded")),
  ratio(
    3,
    "guarded ÷ graphile-worker unguarded, batch 100",
    [0.4, 0.7],
    guarded(100),
    peer("graphile-worker, unguarded")
  ),
  ratio(
    3,
    "guarded ÷ graphile-worker unguarded, batch 500",
    [0.65, 1],
    guarded(500),
    peer("graphile-worker, unguarded")
  ),
  ...[100, 500].flatMap((batch) => [
    ratio(
      4,
      `guarded ÷ graphile-worker checked by hand, batch ${batch}`,
      [10, 22],
      guarded(batch),
      peer("graphile-worker, checked by hand")
    ),
    ratio(
      4,
      `guarded ÷ pg-boss with an expert's batched check, batch ${batch}`,
      [1.3, 2.5],
      guarded(batch),
      peer("pg-boss, an expert's batched check")
    )
  ]),
  ratio(
    5,
    "whole ÷ the gate left out, batch 100",
    [0.45, 0.6],
    guarded(100),
    endToEnd(LINES.ungated, batchColumn(100))
  ),
  ratio(
    5,
    "whole ÷ the gate left out, batch 500",
    [0.65, 0.8],
    guarded(500),
    endToEnd(LINES.ungated, batchColumn(500))
  ),
  ratio(6, "guarded ÷ the SQL floor, batch 100", [0.65, 0.9], guarded(100), endToEnd(LINES.floor, batchColumn(100))),
  ratio(6, "guarded ÷ the SQL floor, batch 500", [0.65, 0.9], guarded(500), endToEnd(LINES.floor, batchColumn(500))),
  ratio(
    7,
    `flat: ${backlogColumn(large)} ÷ ${small.toLocaleString("en")}`,
    [0.9, 1],
    { row: "flatness", line: FLATNESS_LINE, column: backlogColumn(large) },
    { row: "flatness", line: FLATNESS_LINE, column: backlogColumn(small) }
  ),
  {
    number: "8",
    what: "flat with an old snapshot held open elsewhere: last ÷ first tenth",
    unit: "×",
    better: "more",
    must: 0.9,
    aim: 1,
    of: { row: "old-snapshot", line: OLD_SNAPSHOT_LINE, column: "rate" }
  },
  atMost(
    9,
    "log per guarded run, claim to completed, snapshot kept",
    "bytes",
    [2_000, 1_300],
    endToEnd(LINES.guarded, LOG_COLUMN)
  ),
  atMost(10, "one run on an idle worker, dispatch to running committed, p50", "ms", [5, 2], latency("p50")),
  atMost(10, "the same, p99", "ms", [15, 5], latency("p99")),
  ratio(
    11,
    "a disk flush of 1 ms ÷ none, batch 100, 4 connections",
    [0.8, 1],
    endToEnd(LINES.slowDisk, batchColumn(100)),
    guarded(100)
  ),
  ratio(
    12,
    "embedded ÷ PostgreSQL on one connection, batch 100",
    [0.4, 0.75],
    endToEnd(LINES.embedded, batchColumn(100)),
    endToEnd(LINES.oneConnection, batchColumn(100))
  ),
  ratio(
    13,
    "bulk dispatch ÷ pg-boss bulk insert",
    [0.5, 1],
    { row: "dispatch", line: "PostgreSQL, 4 connections", column: BULK_COLUMN },
    { row: "dispatch", line: "pg-boss", column: BULK_COLUMN }
  ),
  atMost(
    14,
    `memory of a worker draining ${drained.toLocaleString("en")} runs`,
    "MiB",
    [250, 150],
    programPlace("memory")
  ),
  atMost(14, "processor of an idle worker", "%", [1, 0.2], programPlace("idle")),
  atMost(14, "`countersign work` ready on a migrated server", "ms", [700, 300], programPlace("ready")),
  atMost(14, "`npm start`: the story told", "s", [10, 5], programPlace("story")),
  atMost(15, `the impact of a person's leaving on ${impact.toLocaleString("en")} queued runs`, "ms", [2_000, 1_000], {
    row: "impact",
    line: IMPACT_LINE,
    column: impactColumn(impact)
  })
]
