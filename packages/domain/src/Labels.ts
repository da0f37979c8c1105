/**
 * Names for people of what the contract names in code: the five checks and their values, and what an audit record says happened.
 * A part of the one presenter; whole runs are put into words in `Presentation`.
 *
 * Contract sections 4, 9 and 10.
 */
import type { AuditAction, AuditRecord } from "./Audit.ts"
import type { CheckKey, CheckValue, ReasonCode } from "./Decision.ts"
import type { Badge } from "./Presentation.ts"

/** What each check is about, in a word or two. Their order is that of `CheckKey.literals`. */
export const checkLabels: Readonly<Record<CheckKey, string>> = {
  workspace_scope: "workspace",
  tenant_scope: "tenant",
  capability: "permission",
  tenant_operability: "tenant's state",
  execution_prerequisites: "prerequisites"
}

/** The badge of each check's value. A failed check stopped a run, it broke nothing: a warning. */
export const checkBadges: Readonly<Record<CheckValue, Badge>> = {
  passed: { label: "passed", tone: "success" },
  failed: { label: "failed", tone: "warning" },
  not_applicable: { label: "not applicable", tone: "neutral" }
}

/** What stands behind each reason code, in a few words: for filters and pictures, where runs of one code are put together. */
export const reasonLabels: Readonly<Record<ReasonCode, string>> = {
  workspace_mismatch: "workspace closed, gone or another one",
  initiator_missing: "initiator no longer known",
  initiator_not_entitled: "initiator disabled or not a member",
  tenant_missing: "tenant gone",
  tenant_not_entitled: "no access to the tenant",
  missing_capability: "permission missing",
  tenant_not_operable: "tenant's state",
  provider_connection_invalid: "provider connection",
  write_gate_blocked: "write gate",
  execution_prerequisite_invalid: "prerequisite"
}

const actionLabels: Readonly<Record<AuditAction, string>> = {
  "run.dispatched": "dispatched",
  "run.dispatch_failed": "could not be queued",
  "run.decided": "decided",
  "run.started": "started",
  "run.held": "held",
  "run.blocked": "blocked",
  "run.cancelled": "cancelled",
  "run.expired": "given up after waiting too long",
  "run.succeeded": "succeeded",
  "run.partially_succeeded": "partially succeeded",
  "run.failed": "failed",
  "run.attempt_failed": "attempt failed",
  "run.revoked": "blocked while running",
  "run.released": "given back by its worker",
  "run.lease_lost": "taken back from a silent worker"
}

/** What an audit record says happened to its run; of a decision also which it was. */
export const describeAudit = ({ action, outcome }: Pick<AuditRecord, "action" | "outcome">): string =>
  action === "run.decided"
    ? `${actionLabels[action]}: ${outcome === "blocked" ? "denied" : "allowed"}`
    : actionLabels[action]
