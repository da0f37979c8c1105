/**
 * What becomes of slots whose time has passed while nobody was there to dispatch them.
 *
 * Contract section 8; laws `no_slot_is_due_twice`, `missed_slots_follow_their_policy`.
 */
import { Option, Schema } from "effect"
import type { Timetable } from "./Timetable.ts"

/** The most runs that one catching up makes. */
export const CATCH_UP_MAX = 100

/** The policy for missed slots. */
export const MissedSlots = Schema.TaggedUnion({
  /** A slot that is older than the grace is not run. */
  Skip: {},
  /** However many slots are due, one run: that of the newest. */
  Once: {},
  /** Every due slot is run, but of many only the newest `limit`: what is older has been overtaken most often. */
  All: { limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: CATCH_UP_MAX })) }
})
export type MissedSlots = typeof MissedSlots.Type

/** The policy as it is stored and typed: `skip`, `once`, or `all:24`. */
export const missedAsText = (policy: MissedSlots): string => {
  switch (policy._tag) {
    case "Skip":
      return "skip"
    case "Once":
      return "once"
    case "All":
      return `all:${policy.limit}`
  }
}

/** The policy of such a text; none when it is no such text. */
export const missedFromText = (text: string): Option.Option<MissedSlots> => {
  if (text === "skip") return Option.some(MissedSlots.cases.Skip.make({}))
  if (text === "once") return Option.some(MissedSlots.cases.Once.make({}))
  const limit = Number(/^all:([1-9]\d{0,2})$/.exec(text)?.[1])
  return limit <= CATCH_UP_MAX ? Option.some(MissedSlots.cases.All.make({ limit })) : Option.none()
}

/** What is to be done about a schedule at one moment. */
export interface DueSlots {
  /** To be run now, the oldest first. */
  readonly run: ReadonlyArray<number>
  /** How many due slots are not run; counted up to {@link COUNTED_MAX}, which says that there may be more. */
  readonly missed: number
  /** The first slot that is not due yet; null when no other comes. */
  readonly nextSlotMillis: number | null
}

/** Missed slots are counted up to this many. */
export const COUNTED_MAX = 1_000

/** Due slots are looked at up to this many, the newest of them: however many of them are run, those that are not can be counted. */
const LOOKED_AT_MAX = COUNTED_MAX + CATCH_UP_MAX

/** How far back due slots are looked for at first, in milliseconds; four times as far each time there are too few of them. */
const LOOK_BACK_MILLIS = 12 * 60 * 60 * 1000

/**
 * The slots that are due at a moment: the first one that nobody has dealt with, and whatever follows it up to then. A clock that was
 * set back finds none due; one that was set forward finds them missed.
 */
export const dueSlots = (
  firstMillis: number,
  timetable: Timetable,
  policy: MissedSlots,
  nowMillis: number,
  graceMillis: number
): DueSlots => {
  if (firstMillis > nowMillis) return { run: [], missed: 0, nextSlotMillis: firstMillis }
  const due = newestDue(firstMillis, timetable, nowMillis)
  const run = chosen(due, policy, nowMillis - graceMillis)
  const missed = Math.min(due.length - run.length, COUNTED_MAX)
  return { run, missed, nextSlotMillis: timetable.nextAfter(nowMillis) }
}

const chosen = (due: ReadonlyArray<number>, policy: MissedSlots, onTimeSinceMillis: number): ReadonlyArray<number> => {
  switch (policy._tag) {
    case "Skip":
      return due.filter((slot) => slot >= onTimeSinceMillis).slice(-CATCH_UP_MAX)
    case "Once":
      return due.slice(-1)
    case "All":
      return due.slice(-policy.limit)
  }
}

/** The newest due slots, oldest first; all of them unless there are too many to be worth counting. */
const newestDue = (firstMillis: number, timetable: Timetable, nowMillis: number): ReadonlyArray<number> => {
  for (let backMillis = LOOK_BACK_MILLIS; ; backMillis *= 4) {
    const isAll = nowMillis - backMillis <= firstMillis
    const due = isAll
      ? [firstMillis, ...between(firstMillis, timetable, nowMillis)]
      : between(nowMillis - backMillis, timetable, nowMillis)
    if (isAll || due.length >= LOOKED_AT_MAX) return due.slice(-LOOKED_AT_MAX)
  }
}

/** The slots after one instant and up to another. */
const between = (afterMillis: number, timetable: Timetable, untilMillis: number): ReadonlyArray<number> => {
  const slots: Array<number> = []
  let slot = timetable.nextAfter(afterMillis)
  while (slot !== null && slot <= untilMillis) {
    slots.push(slot)
    slot = timetable.nextAfter(slot)
  }
  return slots
}
