/**
 * The write gate: a tenant's hardening health as last recorded, and when. Writing operations pass only an open gate.
 *
 * Contract section 4.
 */
import { Schema } from "effect"
import { TenantId } from "./Ids.ts"

/** Health values a gate can have. Anything else a host reports counts as unhealthy. */
export const WriteGateHealth = Schema.Literals(["ok", "degraded", "failed", "not_configured"])
export type WriteGateHealth = typeof WriteGateHealth.Type

/** 24 hours, in milliseconds: how long a check of the gate counts unless the operation says otherwise. */
export const WRITE_GATE_MAX_AGE_MILLIS = 24 * 60 * 60 * 1000

/**
 * What is known of a tenant's gate. `checkedAtMillis` is null when it was never checked.
 * A check dated in the future (a clock ahead of ours) counts as made just now.
 */
export const WriteGateFact = Schema.Struct({
  tenantId: TenantId,
  health: Schema.String,
  checkedAtMillis: Schema.NullOr(Schema.Int)
})
export type WriteGateFact = typeof WriteGateFact.Type

/** Why a gate is closed; the detail code of `write_gate_blocked`. */
export type WriteGateClosure = "not_configured" | "unhealthy" | "stale"

/** Null when the gate is open at `nowMillis`, else why it is closed. Law `growing_older_never_allows`. */
export const closureOf = (gate: WriteGateFact, nowMillis: number, maxAgeMillis: number): WriteGateClosure | null => {
  if (gate.checkedAtMillis === null) return "not_configured"
  if (gate.health !== "ok") return gate.health === "not_configured" ? "not_configured" : "unhealthy"
  // In this direction: a time that is no number is no recent one.
  return nowMillis - gate.checkedAtMillis <= maxAgeMillis ? null : "stale"
}
