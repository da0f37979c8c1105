/**
 * A schedule: an operation that is dispatched at the slots of a timetable, under system authority. It knows who made it and who
 * answers for it; neither is authority, and it goes on when they leave.
 *
 * Contract sections 7 and 8.
 */
import { Result, Schema } from "effect"
import { HostString, OperationType, ScheduleId, UserId } from "./Ids.ts"
import { type DueSlots, MissedSlots } from "./MissedSlots.ts"
import { TargetScope } from "./Snapshot.ts"
import { Timetable, type TimetableInvalid } from "./Timetable.ts"

/** A person as they were known at the time. */
export const Person = Schema.Struct({ id: UserId, name: Schema.NullOr(HostString) })
export type Person = typeof Person.Type

/** Whether a schedule is due some time. */
export const ScheduleState = Schema.TaggedUnion({
  /** The first slot that nobody has dealt with yet. */
  Active: { nextSlotMillis: Schema.Int },
  /** Slots from then on are not run, nor when it is resumed. */
  Paused: { sinceMillis: Schema.Int }
})
export type ScheduleState = typeof ScheduleState.Type

/** Why a slot was not dispatched as it should have been; kept until one is, or until the schedule is resumed. */
export const ScheduleProblem = Schema.Struct({ atMillis: Schema.Int, message: Schema.String })
export type ScheduleProblem = typeof ScheduleProblem.Type

/** A schedule as it is stored. */
export const Schedule = Schema.Struct({
  id: ScheduleId,
  operationType: OperationType,
  scope: TargetScope,
  payload: Schema.Json,
  /** Five fields or a macro; see {@link Timetable}. */
  cron: HostString,
  /** An IANA time zone. */
  zone: HostString,
  missed: MissedSlots,
  /** Provenance: who made it. Never changes. */
  createdBy: Person,
  createdAtMillis: Schema.Int,
  /** Who answers for it. */
  owner: Person,
  state: ScheduleState,
  /** The newest slot that was dispatched; null before the first. */
  lastSlotMillis: Schema.NullOr(Schema.Int),
  problem: Schema.NullOr(ScheduleProblem),
  /** Counts its changes, from 1. */
  revision: Schema.Int
})
export type Schedule = typeof Schedule.Type

/** A schedule whose clock runs. */
export interface ActiveSchedule extends Schedule {
  readonly state: typeof ScheduleState.cases.Active.Type
}

/** Whether its clock runs. */
export const isActive = (schedule: Schedule): schedule is ActiveSchedule => schedule.state._tag === "Active"

const changed = (schedule: Schedule, change: Partial<Schedule>): Schedule => ({
  ...schedule,
  ...change,
  revision: schedule.revision + 1
})

/** Stops its clock. A paused one stays as it is. */
export const paused = (schedule: Schedule, nowMillis: number): Schedule =>
  isActive(schedule)
    ? changed(schedule, { state: ScheduleState.cases.Paused.make({ sinceMillis: nowMillis }) })
    : schedule

/** Lets its clock run from now on: with the first slot after now, none of those of the pause. An active one stays as it is. */
export const resumed = (schedule: Schedule, nowMillis: number): Result.Result<Schedule, TimetableInvalid> =>
  isActive(schedule)
    ? Result.succeed(schedule)
    : Result.map(Timetable.firstSlot(schedule.cron, schedule.zone, nowMillis), ({ nextSlotMillis }) =>
        changed(schedule, { state: ScheduleState.cases.Active.make({ nextSlotMillis }), problem: null })
      )

/** Another person answers for it. */
export const transferred = (schedule: Schedule, owner: Person): Schedule => changed(schedule, { owner })

/** What came of dealing with its due slots: `problem` says why one was not dispatched. */
export interface Turn {
  readonly due: DueSlots
  readonly problem: string | null
  readonly nowMillis: number
}

/**
 * Its due slots have been dealt with. Whatever came of them, they are not due again: it goes on with the next one. A schedule that has
 * no next slot is paused, and says why.
 */
export const advanced = (schedule: ActiveSchedule, { due, problem, nowMillis }: Turn): Schedule => {
  const dispatched = problem === null ? due.run.at(-1) : undefined
  const lastSlotMillis = dispatched ?? schedule.lastSlotMillis
  const told = (message: string): ScheduleProblem => ({ atMillis: nowMillis, message })
  // Where all slots were missed, nothing was tried: what stood in the way may still do.
  const before = dispatched === undefined ? schedule.problem : null
  return due.nextSlotMillis === null
    ? changed(schedule, {
        state: ScheduleState.cases.Paused.make({ sinceMillis: nowMillis }),
        lastSlotMillis,
        problem: told("it is paused, because no other slot comes within eight years")
      })
    : changed(schedule, {
        state: ScheduleState.cases.Active.make({ nextSlotMillis: due.nextSlotMillis }),
        lastSlotMillis,
        problem: problem === null ? before : told(problem)
      })
}

/**
 * The first slots that nobody has dealt with yet, at most so many (1 or more); none while it is paused, and none but the first where its
 * expression or its zone is not understood.
 */
export const nextSlots = (schedule: Schedule, count: number): ReadonlyArray<number> => {
  if (!isActive(schedule)) return []
  const timetable = Timetable.parse(schedule.cron, schedule.zone)
  const slots = [schedule.state.nextSlotMillis]
  if (Result.isFailure(timetable)) return slots
  while (slots.length < count) {
    const slot = timetable.success.nextAfter(slots.at(-1) ?? schedule.state.nextSlotMillis)
    if (slot === null) break
    slots.push(slot)
  }
  return slots
}
