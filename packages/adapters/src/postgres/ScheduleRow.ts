/** A schedule as a row. What the columns say together is checked by the domain's schema: schedules are read seldom. */
import { missedAsText, missedFromText, Schedule, ScheduleUnreadable } from "@countersign/domain"
import { Option, Result, Schema } from "effect"
import { type Column, column, instantOf } from "./Cells.ts"

/** The columns of `schedules`, as the driver gives them. */
export interface ScheduleRow {
  readonly id: string
  readonly operation_type: string
  readonly workspace_id: string
  readonly tenant_id: string | null
  readonly provider_connection_id: string | null
  readonly payload: unknown
  readonly cron: string
  readonly zone: string
  readonly missed: string
  readonly created_by_id: string
  readonly created_by_name: string | null
  readonly created_at: Date
  readonly owner_id: string
  readonly owner_name: string | null
  readonly next_slot_at: Date | null
  readonly paused_at: Date | null
  readonly last_slot_at: Date | null
  readonly problem: string | null
  readonly problem_at: Date | null
  readonly revision: number
}

/** What an addition fixes once and for all. */
const fixedColumns: ReadonlyArray<Column<Schedule>> = [
  column("id", "text", ({ id }) => id),
  column("operation_type", "text", ({ operationType }) => operationType),
  column("workspace_id", "text", ({ scope }) => scope.workspaceId),
  column("tenant_id", "text", ({ scope }) => scope.tenantId),
  column("provider_connection_id", "text", ({ scope }) => scope.providerConnectionId),
  column("payload", "jsonb", ({ payload }) => JSON.stringify(payload)),
  column("cron", "text", ({ cron }) => cron),
  column("zone", "text", ({ zone }) => zone),
  column("missed", "text", ({ missed }) => missedAsText(missed)),
  column("created_by_id", "text", ({ createdBy }) => createdBy.id),
  column("created_by_name", "text", ({ createdBy }) => createdBy.name),
  column("created_at", "timestamptz", ({ createdAtMillis }) => instantOf(createdAtMillis))
]

/** What changes. */
export const changingColumns: ReadonlyArray<Column<Schedule>> = [
  column("owner_id", "text", ({ owner }) => owner.id),
  column("owner_name", "text", ({ owner }) => owner.name),
  column("next_slot_at", "timestamptz", ({ state }) =>
    instantOf(state._tag === "Active" ? state.nextSlotMillis : null)
  ),
  column("paused_at", "timestamptz", ({ state }) => instantOf(state._tag === "Paused" ? state.sinceMillis : null)),
  column("last_slot_at", "timestamptz", ({ lastSlotMillis }) => instantOf(lastSlotMillis)),
  column("problem", "text", ({ problem }) => problem?.message ?? null),
  column("problem_at", "timestamptz", ({ problem }) => instantOf(problem?.atMillis ?? null)),
  column("revision", "integer", ({ revision }) => revision)
]

/** Every column of a schedule. */
export const scheduleColumns: ReadonlyArray<Column<Schedule>> = [...fixedColumns, ...changingColumns]

const decode = Schema.decodeUnknownResult(Schedule)

const stateOf = ({ next_slot_at, paused_at }: ScheduleRow) =>
  next_slot_at === null
    ? { _tag: "Paused", sinceMillis: paused_at?.getTime() }
    : { _tag: "Active", nextSlotMillis: next_slot_at.getTime() }

/** The schedule that a row is, or why it is none. */
export const readSchedule = (row: ScheduleRow): Result.Result<Schedule, ScheduleUnreadable> =>
  Result.mapError(
    decode({
      id: row.id,
      operationType: row.operation_type,
      scope: {
        workspaceId: row.workspace_id,
        tenantId: row.tenant_id,
        providerConnectionId: row.provider_connection_id
      },
      payload: row.payload,
      cron: row.cron,
      zone: row.zone,
      missed: Option.getOrNull(missedFromText(row.missed)),
      createdBy: { id: row.created_by_id, name: row.created_by_name },
      createdAtMillis: row.created_at.getTime(),
      owner: { id: row.owner_id, name: row.owner_name },
      state: stateOf(row),
      lastSlotMillis: row.last_slot_at?.getTime() ?? null,
      problem: row.problem === null ? null : { atMillis: row.problem_at?.getTime(), message: row.problem },
      revision: row.revision
    }),
    ({ message }) => new ScheduleUnreadable({ scheduleId: row.id, problem: message })
  )
