/** From claim to completed: we and the SQL floor, each in a process of its own; the other contenders of this row are in `peers.ts`. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { CHECK, drainQuestion, fillQuestion } from "../contenders/questions.ts"
import type { Peer } from "../harness/peer.ts"
import type { Case, Row } from "../harness/Row.ts"
import { walPosition } from "../stores/postgres.ts"
import type { Content } from "../stores/Store.ts"

/** A program that drains, and what it is asked. */
export interface Contender {
  readonly line: string
  readonly program: Peer
  readonly batch: number
  readonly runs: number
  readonly snapshots?: Content["snapshots"]
  readonly delivered?: boolean
  /** Where the server's log is looked at; then bytes for each run are told as well. */
  readonly log?: PgClient.PgClient
}

/** The column of a batch. */
export const batchColumn = (batch: number): string => `batch ${batch}`

const logPosition = (log: PgClient.PgClient | undefined) => (log === undefined ? Effect.succeed(0) : walPosition(log))

const measured = Effect.fnUntraced(function* (contender: Contender, share: number) {
  const { line, program, batch, snapshots = "new", delivered = false, log } = contender
  const runs = Math.ceil(contender.runs * share)
  const drained = program.ask(drainQuestion(batch, delivered), runs)
  if (snapshots === "known") yield* Effect.andThen(program.ask(fillQuestion("new"), runs), drained)
  yield* program.ask(fillQuestion(snapshots), runs)
  const before = yield* logPosition(log)
  const millis = yield* drained
  const bytes = (yield* logPosition(log)) - before
  yield* program.ask(CHECK, runs)
  const rate = { line, column: batchColumn(batch), value: (runs / millis) * 1000 }
  return log === undefined ? [rate] : [rate, { line, column: LOG_COLUMN, value: bytes / runs }]
})

/** Bytes of log for each run. */
export const LOG_COLUMN = "log, bytes per run"

const caseOf = (contender: Contender): Case => ({
  name: `${contender.line}, ${batchColumn(contender.batch)}`,
  measure: (share) => measured(contender, share)
})

export const endToEndRow = (contenders: ReadonlyArray<Contender>, others: ReadonlyArray<Case>): Row => ({
  key: "end-to-end",
  title: "End to end",
  unit: "runs per second",
  remark:
    "From the start of a worker until the last run is completed: claim, fence, facts, decision with stored snapshot, audit, running, handler that does nothing, settlement, notice in the outbox. “Delivered”: until the last notice is delivered too. Each contender in a process of its own; peers at their best documented settings, whatever the batch.",
  cases: [...contenders.map(caseOf), ...others]
})
