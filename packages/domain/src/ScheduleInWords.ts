/**
 * Schedules in words: how one stands, and what it does about slots it missed. A part of the one presenter.
 *
 * Contract sections 8 and 9.
 */
import { COUNTED_MAX, type MissedSlots } from "./MissedSlots.ts"
import type { Badge } from "./Presentation.ts"
import type { Schedule } from "./Schedule.ts"

/** The badge of each state of a schedule. */
export const scheduleBadges: Readonly<Record<Schedule["state"]["_tag"], Badge>> = {
  Active: { label: "Active", tone: "success" },
  Paused: { label: "Paused", tone: "neutral" }
}

/** How a schedule stands, in one line: "Active", or with the reason why its last slot was not dispatched. */
export const scheduleInWords = ({ state, problem }: Pick<Schedule, "state" | "problem">): Badge => {
  const badge = scheduleBadges[state._tag]
  return problem === null ? badge : { label: `${badge.label} — ${problem.message}`, tone: "warning" }
}

/** What becomes of missed slots, as a sentence. */
export const missedInWords = (policy: MissedSlots): string => {
  switch (policy._tag) {
    case "Skip":
      return "Missed slots are not run."
    case "Once":
      return "However many slots were missed, one run makes up for them."
    case "All":
      return policy.limit === 1
        ? "Of missed slots, the newest is run."
        : `Of missed slots, the newest ${policy.limit} are run.`
  }
}

/** How many slots were missed, as a clause; `count` as `dueSlots` has it. */
export const missedCountInWords = (count: number): string => {
  if (count === 1) return "1 slot was missed and is not run"
  return `${count >= COUNTED_MAX ? "at least " : ""}${count} slots were missed and are not run`
}
