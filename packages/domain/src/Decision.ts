/**
 * The value of `decide`: `Allowed`, or `Denied` with a stable reason. A denial is data; it is stored, counted and shown.
 *
 * Contract sections 4 and 5.
 */
import { Schema } from "effect"
import { HostString } from "./Ids.ts"

/** The five questions, in the order they are asked. */
export const CheckKey = Schema.Literals([
  "workspace_scope",
  "tenant_scope",
  "capability",
  "tenant_operability",
  "execution_prerequisites"
])
export type CheckKey = typeof CheckKey.Type

/** How one check came out; `not_applicable` also for every check after the failed one. */
export const CheckValue = Schema.Literals(["passed", "failed", "not_applicable"])
export type CheckValue = typeof CheckValue.Type

/** How each of the five came out. */
export const Checks = Schema.Struct({
  workspace_scope: CheckValue,
  tenant_scope: CheckValue,
  capability: CheckValue,
  tenant_operability: CheckValue,
  execution_prerequisites: CheckValue
})
export type Checks = typeof Checks.Type

/** Why a run is denied. Wire values: they never change silently. */
export const ReasonCode = Schema.Literals([
  "workspace_mismatch",
  "initiator_missing",
  "initiator_not_entitled",
  "tenant_missing",
  "tenant_not_entitled",
  "missing_capability",
  "tenant_not_operable",
  "provider_connection_invalid",
  "write_gate_blocked",
  "execution_prerequisite_invalid"
])
export type ReasonCode = typeof ReasonCode.Type

/** The check that fails with each code; section 4's table. */
export const checkOf: Readonly<Record<ReasonCode, CheckKey>> = {
  workspace_mismatch: "workspace_scope",
  initiator_missing: "workspace_scope",
  initiator_not_entitled: "workspace_scope",
  tenant_missing: "tenant_scope",
  tenant_not_entitled: "tenant_scope",
  missing_capability: "capability",
  tenant_not_operable: "tenant_operability",
  provider_connection_invalid: "execution_prerequisites",
  write_gate_blocked: "execution_prerequisites",
  execution_prerequisite_invalid: "execution_prerequisites"
}

/** Reasons by what can be done about them; {@link retryableOf} follows from the class. */
export const DenialClass = Schema.Literals([
  "scope_denied",
  "initiator_invalid",
  "capability_denied",
  "tenant_not_operable",
  "prerequisite_invalid"
])
export type DenialClass = typeof DenialClass.Type

/** The class of each code; section 4's table, third column. */
export const denialClassOf: Readonly<Record<ReasonCode, DenialClass>> = {
  workspace_mismatch: "scope_denied",
  initiator_missing: "initiator_invalid",
  initiator_not_entitled: "initiator_invalid",
  tenant_missing: "scope_denied",
  tenant_not_entitled: "scope_denied",
  missing_capability: "capability_denied",
  tenant_not_operable: "tenant_not_operable",
  provider_connection_invalid: "prerequisite_invalid",
  write_gate_blocked: "prerequisite_invalid",
  execution_prerequisite_invalid: "prerequisite_invalid"
}

/** Whether trying again later can help. It tells people and hosts; it never starts anything by itself. */
export const retryableOf: Readonly<Record<DenialClass, boolean>> = {
  scope_denied: false,
  initiator_invalid: false,
  capability_denied: false,
  tenant_not_operable: true,
  prerequisite_invalid: true
}

/** What exactly failed within a check; stored beside the wire object, for diagnostics and for {@link explain}. */
export const DetailCode = Schema.Literals([
  "workspace_missing",
  "workspace_closed",
  "tenant_elsewhere",
  "user_missing",
  "user_disabled",
  "not_a_member",
  "tenant_missing",
  "not_entitled",
  "operation_unknown",
  "system_authority_not_declared",
  "not_held",
  "tenant_state",
  "connection_not_named",
  "connection_missing",
  "connection_elsewhere",
  "connection_disabled",
  "connection_disconnected",
  "not_configured",
  "unhealthy",
  "stale",
  "prerequisite_unknown",
  "prerequisite_unsatisfied"
])
export type DetailCode = typeof DetailCode.Type

/**
 * A check's failure. `about` is the tenant state or the prerequisite that was found wanting, where the detail needs one;
 * a state the contract does not know is reported as `unrecognised`.
 */
export const Failure = Schema.Struct({
  code: ReasonCode,
  detail: DetailCode,
  about: Schema.NullOr(HostString)
})
export type Failure = typeof Failure.Type

/** The answer. `Denied` carries the first failure; {@link Checks} says how far the questions got. */
export const Decision = Schema.TaggedUnion({
  Allowed: { checks: Checks },
  Denied: {
    failure: Failure,
    denialClass: DenialClass,
    retryable: Schema.Boolean,
    checks: Checks
  }
})
export type Decision = typeof Decision.Type
/** A decision to let the run start. */
export type Allowed = typeof Decision.cases.Allowed.Type
/** A decision not to let it start, with the reason. */
export type Denied = typeof Decision.cases.Denied.Type
