/**
 * When two dispatches are the same run: same workspace, tenant, type and identifying input. Unique among active runs. Who starts it, through
 * which provider connection and when are no part of it: what of that tells two runs apart belongs into the input.
 *
 * Contract section 8.
 */
import type { Schema } from "effect"
import type { Subject } from "./Snapshot.ts"

/** A cryptographic digest of a text, as hexadecimal. The domain computes none itself; adapters bring SHA-256. */
export type Digest = (text: string) => string

/** The identity of a run: equal for equal input, whatever the order of keys. */
export const identityOf = ({ operationType, scope }: Subject, identifying: Schema.Json, digest: Digest): string =>
  digest(canonicalJson([scope.workspaceId, scope.tenantId, operationType, identifying]))

/**
 * JSON with the keys of every object in code-unit order (RFC 8785), so that equal values have one text.
 *
 * Throws on a number that JSON has no text for: as `null` it would make different inputs one run.
 */
export const canonicalJson = (value: Schema.Json): string => {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} has no text in JSON`)
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  return isList(value) ? `[${value.map(canonicalJson).join(",")}]` : `{${membersOf(value)}}`
}

/** A loop over sorted names: every dispatch comes by here. */
const membersOf = (object: Schema.JsonObject): string => {
  let members = ""
  for (const key of Object.keys(object).sort()) {
    members += `${members === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(object[key] ?? null)}`
  }
  return members
}

const isList = (value: object): value is ReadonlyArray<Schema.Json> => Array.isArray(value)
