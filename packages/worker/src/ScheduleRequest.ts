/**
 * What a host says to have something done again and again: which operation, for which target, with which payload, when, and who
 * answers for it.
 *
 * Contract sections 7 and 8.
 */
import { type MissedSlots, type Operation, TimetableProblem } from "@countersign/domain"
import { Schema } from "effect"
import { RefusalReason, type RequestedTarget } from "./DispatchRequest.ts"

/** A person by the host's id, and their name if it is to be kept. */
export interface NamedPerson {
  readonly id: string
  readonly name?: string | null
}

interface Common extends RequestedTarget {
  /** The host's name for it, such as `nightly-backup`; no other schedule has it. */
  readonly id: string
  /** Minute, hour, day of month, month, weekday, as in `30 2 * * 1-5`; or a macro such as `@daily`. */
  readonly cron: string
  /** An IANA time zone, such as `Europe/Berlin`. */
  readonly zone: string
  /** What becomes of slots that nobody was there for; one run for all of them unless given. */
  readonly missed?: MissedSlots
  /** Who makes it and answers for it; must have access to the target and to the operation now. */
  readonly by: NamedPerson
}

/** A schedule of a declared operation, payload typed. */
export interface ScheduleRequest<Payload> extends Common {
  readonly operation: Operation<Payload, unknown>
  readonly payload: Payload
}

/** The same by wire name, payload as JSON: for command lines and outside callers. */
export interface UntypedScheduleRequest extends Common {
  readonly operationType: string
  readonly payload: unknown
}

/** Why a schedule is not stored or not changed. */
export const ScheduleRefusalReason = Schema.Literals([
  ...RefusalReason.literals,
  ...TimetableProblem.literals,
  "missed_invalid",
  "no_access"
])
export type ScheduleRefusalReason = typeof ScheduleRefusalReason.Type

/** What was asked for is refused and nothing was changed; `advice` says what to do about it. */
export class ScheduleRefused extends Schema.TaggedError<ScheduleRefused>()("ScheduleRefused", {
  reason: ScheduleRefusalReason,
  /** What is wrong and what to do about it, for a person. */
  advice: Schema.String
}) {
  override get message() {
    return `schedule refused (${this.reason}): ${this.advice}`
  }
}
