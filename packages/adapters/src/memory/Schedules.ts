/** `Schedules` in memory. */
import {
  type ActiveSchedule,
  type DueClaim,
  isActive,
  type Schedule,
  ScheduleExists,
  type ScheduleFilter,
  type ScheduleId,
  ScheduleNotFound,
  type SchedulePage,
  Schedules
} from "@countersign/domain"
import { Effect, HashMap, Layer, Option, Result } from "effect"
import { MemoryState } from "./MemoryState.ts"
import { withOwnPayload } from "./ownPayload.ts"
import type { Tables } from "./Tables.ts"

const byId = (a: Schedule, b: Schedule) => (a.id < b.id ? -1 : 1)

const all = ({ schedules }: Tables): ReadonlyArray<Schedule> => Array.from(HashMap.values(schedules))

const scheduleOf = ({ schedules }: Tables, id: ScheduleId): Schedule | undefined =>
  Option.getOrUndefined(HashMap.get(schedules, id))

const withSchedule = (tables: Tables, schedule: Schedule): Tables => ({
  ...tables,
  schedules: HashMap.set(tables.schedules, schedule.id, withOwnPayload(schedule))
})

/** What a change may say; the rest is fixed when a schedule is added. */
const changed = (stored: Schedule, { state, owner, lastSlotMillis, problem, revision }: Schedule): Schedule => ({
  ...stored,
  state,
  owner,
  lastSlotMillis,
  problem,
  revision
})

/** No row here can make no sense. */
const pageOf = (schedules: ReadonlyArray<Schedule>): SchedulePage => ({ schedules, unreadable: [] })

const listed = (tables: Tables, { workspaceId, after, limit }: ScheduleFilter) =>
  all(tables)
    .filter(({ id, scope }) => (workspaceId ?? scope.workspaceId) === scope.workspaceId && (after ?? "") < id)
    .sort(byId)
    .slice(0, limit)

const due = (tables: Tables, { nowMillis, operationTypes, abandonedSinceMillis, limit }: DueClaim) => {
  const types = new Set(operationTypes)
  return all(tables)
    .filter(isActive)
    .filter(
      ({ operationType, state: { nextSlotMillis } }) =>
        nextSlotMillis <= nowMillis && (types.has(operationType) || nextSlotMillis <= abandonedSinceMillis)
    )
    .sort((a, b) => a.state.nextSlotMillis - b.state.nextSlotMillis || byId(a, b))
    .slice(0, limit)
}

const earliest = (schedules: ReadonlyArray<ActiveSchedule>): number | null =>
  schedules.reduce<number | null>(
    (first, { state: { nextSlotMillis } }) => Math.min(first ?? nextSlotMillis, nextSlotMillis),
    null
  )

/** The schedules of this state. Nobody else holds anything while a unit of work lasts. */
export const layerSchedules: Layer.Layer<Schedules, never, MemoryState> = Layer.effect(
  Schedules,
  Effect.map(MemoryState, ({ look, change }) => {
    const find = (id: ScheduleId) =>
      Effect.flatMap(
        look((tables) => scheduleOf(tables, id)),
        (schedule) =>
          schedule === undefined ? Effect.fail(new ScheduleNotFound({ scheduleId: id })) : Effect.succeed(schedule)
      )
    return Schedules.of({
      add: (schedule) =>
        change((tables) =>
          HashMap.has(tables.schedules, schedule.id)
            ? Result.fail(new ScheduleExists({ scheduleId: schedule.id }))
            : Result.succeed([undefined, withSchedule(tables, schedule)])
        ),
      find,
      hold: find,
      list: (filter) => look((tables) => pageOf(listed(tables, filter))),
      replace: (before, after) =>
        change((tables) => {
          const stored = scheduleOf(tables, before.id)
          return stored?.revision === before.revision
            ? Result.succeed([true, withSchedule(tables, changed(stored, after))])
            : Result.succeed([false, tables])
        }),
      remove: (id) =>
        change((tables) =>
          Result.succeed([
            HashMap.has(tables.schedules, id),
            { ...tables, schedules: HashMap.remove(tables.schedules, id) }
          ])
        ),
      holdDue: (claim) => look((tables) => pageOf(due(tables, claim))),
      setAside: () => Effect.void,
      nextSlots: (operationTypes) => {
        const types = new Set(operationTypes)
        return look((tables) => {
          const active = all(tables).filter(isActive)
          return {
            known: earliest(active.filter(({ operationType }) => types.has(operationType))),
            other: earliest(active.filter(({ operationType }) => !types.has(operationType)))
          }
        })
      }
    })
  })
)
