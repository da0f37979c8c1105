/** Marks and instants, as the command line writes them. */
import { CheckKey, type Checks, type CheckValue, checkBadges, checkLabels, type Tone } from "@countersign/domain"

const markOf: Readonly<Record<CheckValue, string>> = { passed: "✓", failed: "✗", not_applicable: "–" }

/** The five checks in their order, each with its mark. */
export const checksInWords = (checks: Checks): ReadonlyArray<{ readonly text: string; readonly tone: Tone }> =>
  CheckKey.literals.map((key) => ({
    text: `${markOf[checks[key]]} ${checkLabels[key]}`,
    tone: checkBadges[checks[key]].tone
  }))

/** An instant for people: to the second, in UTC. */
export const inUtc = (millis: number): string => new Date(millis).toISOString().replace("T", " ").slice(0, 19)

/** An instant for machines. */
export const iso = (millis: number): string => new Date(millis).toISOString()
