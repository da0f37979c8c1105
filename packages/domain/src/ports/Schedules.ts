/** Port: schedules as they are stored. */
import { Context, type Effect, Schema } from "effect"
import type { OperationType, ScheduleId, WorkspaceId } from "../Ids.ts"
import type { Schedule } from "../Schedule.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** No schedule has this id. */
export class ScheduleNotFound extends Schema.TaggedError<ScheduleNotFound>()("ScheduleNotFound", {
  scheduleId: Schema.String
}) {
  override get message() {
    return `there is no schedule ${this.scheduleId}`
  }
}

/** A schedule of this id is stored already, and stays as it is. */
export class ScheduleExists extends Schema.TaggedError<ScheduleExists>()("ScheduleExists", {
  scheduleId: Schema.String
}) {
  override get message() {
    return `there is a schedule ${this.scheduleId} already`
  }
}

/** A stored schedule that makes no sense, such as a row edited by hand. */
export class ScheduleUnreadable extends Schema.TaggedError<ScheduleUnreadable>()("ScheduleUnreadable", {
  scheduleId: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `the stored schedule ${this.scheduleId} cannot be read: ${this.problem}`
  }
}

/** In one order of ids, the store's own; every condition is optional and they are joined by *and*. */
export interface ScheduleFilter {
  readonly workspaceId?: WorkspaceId
  /** Only ids after this one: the key of the next page. */
  readonly after?: ScheduleId
  /** At most this many, 1 to 1000. */
  readonly limit: number
}

/** What a reading of many schedules gives. */
export interface SchedulePage {
  readonly schedules: ReadonlyArray<Schedule>
  readonly unreadable: ReadonlyArray<ScheduleUnreadable>
}

/** Which due schedules are asked for. */
export interface DueClaim {
  /** Those whose next slot is then or earlier; epoch milliseconds. */
  readonly nowMillis: number
  /** Of these operations. */
  readonly operationTypes: ReadonlyArray<OperationType>
  /** And of any operation, when due since then or earlier: nobody who knows it has come. */
  readonly abandonedSinceMillis: number
  /** At most this many, 1 to 1000, the longest due first. */
  readonly limit: number
}

/** Epoch milliseconds; null where there is no active schedule. */
export interface NextSlots {
  readonly known: number | null
  readonly other: number | null
}

type Unfound = ScheduleNotFound | ScheduleUnreadable | StoreUnavailable

/** Schedules as they are stored. Every change of one is computed by the domain. */
export class Schedules extends Context.Service<
  Schedules,
  {
    /** Stores a new schedule; one of the same id refuses and stays as it is. */
    readonly add: (schedule: Schedule) => Effect.Effect<void, ScheduleExists | StoreUnavailable>
    readonly find: (id: ScheduleId) => Effect.Effect<Schedule, Unfound>
    /** Like `find`, and holds the schedule against change until the surrounding unit of work ends. */
    readonly hold: (id: ScheduleId) => Effect.Effect<Schedule, Unfound>
    readonly list: (filter: ScheduleFilter) => Effect.Effect<SchedulePage, StoreUnavailable>
    /**
     * Compare-and-set: stores the state, owner, last slot and problem of `after` if the schedule is still of the revision
     * `before` has, and answers whether it was.
     */
    readonly replace: (before: Schedule, after: Schedule) => Effect.Effect<boolean, StoreUnavailable>
    /** Forgets a schedule, readable or not; its runs stay. Answers whether there was one. */
    readonly remove: (id: ScheduleId) => Effect.Effect<boolean, StoreUnavailable>
    /** Holds active schedules that are due until the surrounding unit of work ends, skipping those held by others. */
    readonly holdDue: (claim: DueClaim) => Effect.Effect<SchedulePage, StoreUnavailable>
    /** Pauses schedules that cannot be read, with the problem, so that they are not held again and again. */
    readonly setAside: (
      unreadable: ReadonlyArray<ScheduleUnreadable>,
      nowMillis: number
    ) => Effect.Effect<void, StoreUnavailable>
    /** The earliest next slot among active schedules of these operations, and among those of all others. Called often. */
    readonly nextSlots: (operationTypes: ReadonlyArray<OperationType>) => Effect.Effect<NextSlots, StoreUnavailable>
  }
>()("@countersign/domain/Schedules") {}
