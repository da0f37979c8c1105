/** `RunStore` over the table `runs`. */
import {
  IllegalTransition,
  isCompleted,
  type Lease,
  type RunFilter,
  type RunId,
  RunNotFound,
  RunStore,
  type Step,
  WAITING_MAX
} from "@countersign/domain"
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
import {
  RUN_COLUMNS,
  type RunRow,
  readPage,
  readQueued,
  readRun,
  readRunning,
  readWaiting,
  WAITING_COLUMNS,
  type WaitingRow
} from "./RunRow.ts"
import { isRunId } from "./readCells.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"
import { confirmingParameters, confirmingStatement, idsOf, movingParameters, movingStatement } from "./write.ts"

interface IdRow {
  readonly id: string
}

interface LeaseRow extends IdRow {
  readonly lease_until: Date | null
}

/** The conditions that are asked for and no others: what is null or absent would spoil the plan. */
const conditionsOf = (filter: RunFilter) => {
  const conditions = [
    ["workspace_id =", filter.workspaceId],
    ["tenant_id =", filter.tenantId],
    ["operation_type =", filter.operationType],
    ["status =", filter.status],
    ["outcome =", filter.outcome],
    ["id <", filter.before]
  ].flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]))
  const where = conditions.map(({ condition }, index) => `r.${condition} $${index + 1}`)
  return {
    where: where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`,
    values: conditions.map(({ value }) => value)
  }
}

/** Steps in rounds: within one statement a run can be written once. */
const roundsOf = (steps: ReadonlyArray<Step>): ReadonlyArray<ReadonlyArray<Step>> => {
  const rounds: Array<Array<Step>> = []
  const seen = new Map<RunId, number>()
  for (const step of steps) {
    const { id } = step.before.dispatch
    const at = seen.get(id) ?? 0
    seen.set(id, at + 1)
    const round = rounds[at] ?? []
    round.push(step)
    rounds[at] = round
  }
  return rounds
}

/** In the order of ids, so that two writers of the same runs meet at the first of them and not crosswise. */
const byId = (a: Step, b: Step) => (a.before.dispatch.id < b.before.dispatch.id ? -1 : 1)

const refusalOf = ({ before, after, audit }: Step) =>
  new IllegalTransition({
    runId: before.dispatch.id,
    from: before._tag,
    event: audit.at(-1)?.action ?? after._tag,
    reason: "changed_meanwhile"
  })

/** The canonical record of runs. */
export const layerRunStore = (names: Names): Layer.Layer<RunStore, never, SqlClient.SqlClient> =>
  Layer.effect(
    RunStore,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const dispatchThrough = makeDispatch(names)
      const move = movingStatement(names)
      const confirm = confirmingStatement(names)

      const writeWith = Effect.fnUntraced(function* (
        statement: string,
        steps: ReadonlyArray<Step>,
        parametersOf: (steps: ReadonlyArray<Step>) => ReadonlyArray<unknown>
      ) {
        if (steps.length === 0) return []
        const rows = yield* during("write steps")(sql.unsafe<IdRow>(statement, parametersOf(steps)))
        const written = new Set(rows.map(({ id }) => id))
        return steps.filter(({ before }) => !written.has(before.dispatch.id)).map(refusalOf)
      })

      const writeRound = Effect.fnUntraced(function* (round: ReadonlyArray<Step>, lease: Lease | null) {
        const steps = round.toSorted(byId)
        const active = steps.filter(({ before }) => !isCompleted(before))
        const moves = active.filter(({ before, after }) => before !== after)
        const confirmations = active.filter(({ before, after }) => before === after)
        return [
          ...steps.filter(({ before }) => isCompleted(before)).map(refusalOf),
          ...(yield* writeWith(move, moves, (some) => movingParameters(some, lease))),
          ...(yield* writeWith(confirm, confirmations, confirmingParameters))
        ]
      })

      const one = Effect.fnUntraced(function* (id: RunId, lock: string) {
        const rows = yield* during("find a run")(
          sql.unsafe<RunRow>(`SELECT ${RUN_COLUMNS} FROM ${q}.runs r WHERE r.id = $1 ${lock}`, [id])
        )
        const [row] = rows
        if (row === undefined) return yield* new RunNotFound({ runId: id })
        return yield* Effect.fromResult(readRun(row))
      })

      return RunStore.of({
        dispatch: (steps) =>
          dispatchThrough(
            (text, parameters) =>
              during("dispatch runs")(
                Effect.map(sql.unsafe<{ readonly answer: string | null }>(text, parameters), (rows) =>
                  rows.map(({ answer }) => answer)
                )
              ),
            steps
          ),
        find: (id) => one(id, ""),
        hold: (id) => one(id, "FOR UPDATE"),
        list: Effect.fnUntraced(function* (filter) {
          const { where, values } = conditionsOf(filter)
          const text = `SELECT ${RUN_COLUMNS} FROM ${q}.runs r ${where} ORDER BY r.id DESC LIMIT ${limited(filter.limit)}`
          const rows = yield* during("list runs")(sql.unsafe<RunRow>(text, values))
          return readPage(rows, readRun)
        }),
        listWaiting: Effect.fnUntraced(function* (before, limit, shared) {
          const text = `SELECT ${WAITING_COLUMNS} FROM ${q}.runs r WHERE r.status = 'queued'
${before === null ? "" : "AND r.id < $1"} ORDER BY r.id DESC LIMIT ${limited(limit, WAITING_MAX)}`
          const rows = yield* during("list waiting runs")(sql.unsafe<WaitingRow>(text, before === null ? [] : [before]))
          return readPage(rows, readWaiting(shared ?? new Map()))
        }),
        write: Effect.fnUntraced(function* (steps, lease) {
          const refused: Array<IllegalTransition> = []
          for (const round of roundsOf(steps)) refused.push(...(yield* writeRound(round, lease)))
          return refused
        }),
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
            sql.unsafe<RunRow>(holdingExpired(q, limit), [new Date(nowMillis)])
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
            during("delete old runs")(sql.unsafe<PrunedRow>(pruning(q, asked), pruningParameters(asked))),
            ([row]) => ({
              runs: row?.runs ?? 0,
              untold: row?.untold ?? 0,
              lastMillis: row?.last?.getTime() ?? null
            })
          )
      })
    })
  )
