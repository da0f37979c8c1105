/** Marks and instants, as the command line writes them. */
import { CheckKey, type Checks, type CheckValue, checkBadges, checkLabels, type Tone } from "@countersign/domain"
import { DateTime, Option } from "effect"

const markOf: Readonly<Record<CheckValue, string>> = { passed: "✓", failed: "✗", not_applicable: "–" }

/** The five checks in their order, each with its mark. */
export const checksInWords = (checks: Checks): ReadonlyArray<{ readonly text: string; readonly tone: Tone }> =>
  CheckKey.literals.map((key) => ({
    text: `${markOf[checks[key]]} ${checkLabels[key]}`,
    tone: checkBadges[checks[key]].tone
  }))

/** How many there are, where no more than `max` were counted. */
export const countInWords = (count: number, max: number): string => (count < max ? `${count}` : `${max} or more`)

/** An instant for people: to the second, in UTC. */
export const inUtc = (millis: number): string => new Date(millis).toISOString().replace("T", " ").slice(0, 19)

/** An instant for machines. */
export const iso = (millis: number): string => new Date(millis).toISOString()

/** An instant on the wall clock of a zone, to the minute, with its offset from UTC; in UTC where the zone is not known. */
export const inZone = (millis: number, zone: string): string => {
  const text = Option.match(DateTime.makeZoned(millis, { timeZone: zone }), {
    onNone: () => `${iso(millis).slice(0, -1)}+00:00`,
    onSome: DateTime.formatIsoOffset
  })
  return `${text.slice(0, 16).replace("T", " ")} ${text.slice(-6)}`
}
