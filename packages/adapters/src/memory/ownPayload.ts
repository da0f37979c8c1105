/** Payloads as a database has them: made out anew for each reader. */
import type { Schema } from "effect"

/** The same with a payload of its own: what becomes of the one that was given, or of one that was read, changes nothing here. */
export const withOwnPayload = <A extends { readonly payload: Schema.Json }>(value: A): A => {
  const own = structuredClone(value.payload)
  return {
    ...value,
    get payload() {
      return structuredClone(own)
    }
  }
}
