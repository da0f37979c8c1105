/**
 * JSON that every store can keep. PostgreSQL's `jsonb` holds neither U+0000 nor half of a surrogate pair, and whatever reads or
 * writes JSON runs out of stack at some depth; a payload or result of that kind is refused where it enters, not where it
 * would be written.
 */
import type { Schema } from "effect"

/** How many arrays and objects may lie inside each other. */
export const NESTING_MAX = 256

/** What keeps this value from being stored, as a clause; null when nothing does. */
export const unstorable = (value: Schema.Json): string | null => problemOf(value, 0)

const problemOf = (value: Schema.Json, depth: number): string | null => {
  if (typeof value === "string") return unstorableText(value)
  if (value === null || typeof value !== "object") return null
  if (depth === NESTING_MAX) return `it is nested deeper than ${NESTING_MAX} levels`
  for (const [key, member] of Object.entries(value)) {
    const problem = unstorableText(key) ?? problemOf(member, depth + 1)
    if (problem !== null) return problem
  }
  return null
}

const unstorableText = (text: string): string | null => {
  if (text.includes("\u0000")) return "it holds the character U+0000"
  return text.isWellFormed() ? null : "it holds half of a surrogate pair"
}
