/**
 * JSON that every store can keep. PostgreSQL's `jsonb` holds neither U+0000 nor half of a surrogate pair; a payload or result
 * with one is refused where it enters, not where it would be written.
 */
import type { Schema } from "effect"

/** What keeps this value from being stored, as a clause; null when nothing does. */
export const unstorable = (value: Schema.Json): string | null => {
  if (typeof value === "string") return unstorableText(value)
  if (value === null || typeof value !== "object") return null
  for (const [key, member] of Object.entries(value)) {
    const problem = unstorableText(key) ?? unstorable(member)
    if (problem !== null) return problem
  }
  return null
}

const unstorableText = (text: string): string | null => {
  if (text.includes("\u0000")) return "it holds the character U+0000"
  return text.isWellFormed() ? null : "it holds half of a surrogate pair"
}
