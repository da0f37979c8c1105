/** `Schedules` over the table `schedules`. */
import {
  ScheduleExists,
  type ScheduleId,
  ScheduleNotFound,
  type SchedulePage,
  Schedules,
  type ScheduleUnreadable
} from "@countersign/domain"
import { Array as Arrays, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { arraysOf, cellsOf, fromArrays, namesOf } from "./Cells.ts"
import { limited } from "./limits.ts"
import { changingColumns, readSchedule, type ScheduleRow, scheduleColumns } from "./ScheduleRow.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

const COLUMNS = scheduleColumns.map(({ name }) => `s.${name}`).join(", ")

const pageOf = (rows: ReadonlyArray<ScheduleRow>): SchedulePage => {
  const [schedules, unreadable] = Arrays.partition(rows, readSchedule)
  return { schedules, unreadable }
}

/** Due schedules are held by row locks, until the transaction ends. */
export const layerSchedules = (names: Names): Layer.Layer<Schedules, never, SqlClient.SqlClient> =>
  Layer.effect(
    Schedules,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const { q } = names
      const insertion = `INSERT INTO ${q}.schedules (${namesOf(scheduleColumns)})
SELECT ${cellsOf(scheduleColumns, "n")} FROM ${fromArrays(scheduleColumns, 1, "n")} ON CONFLICT (id) DO NOTHING RETURNING id`
      const replacement = `UPDATE ${q}.schedules AS s SET (${namesOf(changingColumns)}) = (${cellsOf(changingColumns, "n")})
FROM ${fromArrays(changingColumns, 3, "n")} WHERE s.id = $1 AND s.revision = $2 RETURNING s.id`

      const one = Effect.fnUntraced(function* (id: ScheduleId, lock: string) {
        const [row] = yield* during("find a schedule")(
          sql.unsafe<ScheduleRow>(`SELECT ${COLUMNS} FROM ${q}.schedules s WHERE s.id = $1 ${lock}`, [id])
        )
        if (row === undefined) return yield* new ScheduleNotFound({ scheduleId: id })
        return yield* Effect.fromResult(readSchedule(row))
      })

      const earliest = (among: string) => `SELECT s.next_slot_at FROM ${q}.schedules s
WHERE s.next_slot_at IS NOT NULL AND s.operation_type ${among} ($1::text[]) ORDER BY s.next_slot_at LIMIT 1`

      return Schedules.of({
        add: Effect.fnUntraced(function* (schedule) {
          const rows = yield* during("add a schedule")(sql.unsafe(insertion, arraysOf(scheduleColumns, [schedule])))
          if (rows.length === 0) return yield* new ScheduleExists({ scheduleId: schedule.id })
        }),
        find: (id) => one(id, ""),
        hold: (id) => one(id, "FOR UPDATE"),
        list: ({ workspaceId, after, limit }) => {
          const conditions = [
            { column: "workspace_id =", value: workspaceId },
            { column: "id >", value: after }
          ].filter(({ value }) => value !== undefined)
          const where = conditions.map(({ column }, at) => `s.${column} $${at + 1}`).join(" AND ")
          const text = `SELECT ${COLUMNS} FROM ${q}.schedules s ${where === "" ? "" : `WHERE ${where}`}
ORDER BY s.id LIMIT ${limited(limit)}`
          const values = conditions.map(({ value }) => value)
          return Effect.map(during("list schedules")(sql.unsafe<ScheduleRow>(text, values)), pageOf)
        },
        replace: (before, after) =>
          Effect.map(
            during("change a schedule")(
              sql.unsafe(replacement, [before.id, before.revision, ...arraysOf(changingColumns, [after])])
            ),
            (rows) => rows.length > 0
          ),
        remove: (id) =>
          Effect.map(
            during("remove a schedule")(sql.unsafe(`DELETE FROM ${q}.schedules WHERE id = $1 RETURNING id`, [id])),
            (rows) => rows.length > 0
          ),
        holdDue: ({ nowMillis, operationTypes, abandonedSinceMillis, limit }) => {
          const text = `SELECT ${COLUMNS} FROM ${q}.schedules s
WHERE s.next_slot_at <= $1 AND (s.operation_type = ANY ($2::text[]) OR s.next_slot_at <= $3)
ORDER BY s.next_slot_at, s.id LIMIT ${limited(limit)} FOR UPDATE SKIP LOCKED`
          const values = [new Date(nowMillis), operationTypes, new Date(abandonedSinceMillis)]
          return Effect.map(during("look for due schedules")(sql.unsafe<ScheduleRow>(text, values)), pageOf)
        },
        setAside: (unreadable: ReadonlyArray<ScheduleUnreadable>, nowMillis) =>
          Effect.asVoid(
            during("set unreadable schedules aside")(
              sql.unsafe(
                `UPDATE ${q}.schedules AS s
SET next_slot_at = NULL, paused_at = $3, problem = u.problem, problem_at = $3, revision = s.revision + 1
FROM unnest($1::text[], $2::text[]) AS u(id, problem) WHERE s.id = u.id`,
                [
                  unreadable.map(({ scheduleId }) => scheduleId),
                  unreadable.map(({ problem }) => problem),
                  new Date(nowMillis)
                ]
              )
            )
          ),
        nextSlots: (operationTypes) =>
          Effect.map(
            during("look for the next slot")(
              sql.unsafe<Record<"known" | "other", Date | null>>(
                `SELECT (${earliest("= ANY")}) AS known, (${earliest("<> ALL")}) AS other`,
                [operationTypes]
              )
            ),
            ([row]) => ({ known: row?.known?.getTime() ?? null, other: row?.other?.getTime() ?? null })
          )
      })
    })
  )
