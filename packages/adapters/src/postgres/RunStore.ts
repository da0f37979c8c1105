/** `RunStore` over the table `runs`. */

import { type FirstStep, type RunId, RunNotFound, RunStore, WAITING_MAX } from "@countersign/domain"

import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { makeDispatch } from "./dispatch.ts"
import { holdingExpired, type PrunedRow, pruning, pruningParameters } from "./expiry.ts"
import {
  extending,
  extendingParameters,
  holdingParameters,
  holdingRunning,
  saving,
  savingParameters
} from "./heldRuns.ts"
import { limited } from "./limits.ts"
import { listing } from "./listing.ts"
import { type QueuedRow, RUN_COLUMNS, type RunRow, readQueued, readRun, readRunning } from "./RunRow.ts"
import { isRunId } from "./readCells.ts"
import { readPage } from "./readRows.ts"
import type { Names } from "./SchemaName.ts"

import { makeStepWriter } from "./StepWriter.ts"
import { transacting } from "./transacting.ts"
import { during } from "./troubles.ts"
import { readWaiting, WAITING_COLUMNS, type WaitingRow } from "./WaitingRow.ts"
import { idsOf } from "./write.ts"

interface IdRow {
  readonly id: string
}

interface LeaseRow extends IdRow {
  readonly lease_until: Date | null
}

/** The canonical record of runs. */
export const layerRunStore = (names: Names): Layer.Layer<RunStore, never, SqlClient.SqlClient> =>
  Layer.effect(
    RunStore,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const dispatchThrough = makeDispatch(names, { savepoints: true })
      const writeSteps = makeStepWriter(names, sql)

      const one = Effect.fnUntraced(function* (id: RunId, lock: string) {
        const rows = yield* during("find a run")(
          sql.unsafe<RunRow>(`SELECT ${RUN_COLUMNS} FROM ${q}.runs r WHERE r.id = $1 ${lock}`, [id])
        )
        const [row] = rows
        if (row === undefined) return yield* new RunNotFound({ runId: id })
        return yield* Effect.fromResult(readRun(row))
      })

      const dispatch = (steps: ReadonlyArray<FirstStep>) =>
        dispatchThrough(
          (text, parameters) =>
            during("dispatch runs")(
              Effect.map(sql.unsafe<{ readonly answer: string | null }>(text, parameters), (rows) =>
                rows.map(({ answer }) => answer)
              )
            ),
          steps
        )

      const transacted = transacting(sql, "dispatch runs")

      return RunStore.of({
        dispatch: (steps) => (steps.length < 2 ? dispatch(steps) : transacted(dispatch(steps))),
        find: (id) => one(id, ""),
        hold: (id) => one(id, "FOR UPDATE"),
        list: Effect.fnUntraced(function* (filter) {
          const { text, values } = listing(names, filter)
          const rows = yield* during("list runs")(sql.unsafe<RunRow>(text, values))
          return readPage(rows, readRun)
        }),
        listWaiting: Effect.fnUntraced(function* (before, limit, shared) {
          const text = `SELECT ${WAITING_COLUMNS} FROM ${q}.runs r WHERE r.status = 'queued'
${before === null ? "" : "AND r.id < $1"} ORDER BY r.id DESC LIMIT ${limited(limit, WAITING_MAX)}`
          const rows = yield* during("list waiting runs")(sql.unsafe<WaitingRow>(text, before === null ? [] : [before]))
          return readPage(rows, readWaiting(shared ?? new Map()))
        }),
        write: writeSteps,
        extendLeases: (held, lease) =>
          Effect.map(
            during("extend leases")(sql.unsafe<IdRow>(extending(q), extendingParameters(held, lease))),
            (rows) => new Set(rows.map(({ id }) => id).filter(isRunId))
          ),
        leaseEnds: Effect.fnUntraced(function* (ids) {
          const text = `SELECT r.id, r.lease_until FROM ${q}.runs r WHERE r.id = ANY ($1::uuid[]) AND r.status = 'running'`
          const rows = yield* during("read leases")(sql.unsafe<LeaseRow>(text, [idsOf(ids)]))
          return new Map(
            rows.flatMap(
              ({ id, lease_until }): ReadonlyArray<[RunId, number | null]> =>
                isRunId(id) ? [[id, lease_until === null ? null : lease_until.getTime()]] : []
            )
          )
        }),
        holdOrphans: Effect.fnUntraced(function* (nowMillis, limit) {
          const text = `SELECT ${RUN_COLUMNS} FROM ${q}.runs r
WHERE r.status = 'running' AND (r.lease_until IS NULL OR r.lease_until < $1)
ORDER BY r.lease_until NULLS FIRST, r.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`
          const rows = yield* during("look for orphaned runs")(sql.unsafe<RunRow>(text, [new Date(nowMillis)]))
          return readPage(rows, readRunning)
        }),
        holdExpired: Effect.fnUntraced(function* (nowMillis, limit) {
          const rows = yield* during("look for runs that waited too long")(
            sql.unsafe<QueuedRow>(holdingExpired(q, limit), [new Date(nowMillis)])
          )
          return readPage(rows, readQueued)
        }),
        holdRunning: Effect.fnUntraced(function* (held) {
          const rows = yield* during("hold running runs")(
            sql.unsafe<RunRow>(holdingRunning(q, RUN_COLUMNS), holdingParameters(held))
          )
          return readPage(rows, readRunning)
        }),
        saveCounts: (reports) =>
          Effect.asVoid(during("save what was counted")(sql.unsafe(saving(q), savingParameters(reports)))),
        prune: (asked) =>
          Effect.map(
            during("delete old runs")(sql.unsafe<PrunedRow>(pruning(q, asked.limit), pruningParameters(asked))),
            ([row]) => ({
              runs: row?.runs ?? 0,
              untold: row?.untold ?? 0,
              next: row?.next ?? null
            })
          )
      })
    })
  )
