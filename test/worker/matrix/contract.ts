/**
 * The expected matrix, written from the contract's page alone (sections 4, 6, 7 and 10); nothing here is computed by the code it
 * judges. Columns are the six families in the order of section 7, rows are the changes.
 */
import type { ChangeName } from "./changes.ts"

/** The run is denied, for the reason of the row. */
export const DENIED = "denied"
const NO_PERSON = "no person is behind it"
const NO_SYSTEM = "a person is behind it"
const NO_WRITES = "it writes nothing"
const NO_WINDOW = "it names no such prerequisite"
const ONBOARDING = "it may run while the tenant is onboarding"
const NOTHING = "all is in order"

/** Denied, or why the change leaves the run allowed. */
export type Expected = string
type Row = readonly [
  check: Expected,
  inventory: Expected,
  restore: Expected,
  bulk: Expected,
  sync: Expected,
  backup: Expected
]

const NONE: Row = [NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
const ALL: Row = [DENIED, DENIED, DENIED, DENIED, DENIED, DENIED]
const PERSONAL: Row = [DENIED, DENIED, DENIED, DENIED, DENIED, NO_PERSON]
const WRITING: Row = [NO_WRITES, NO_WRITES, DENIED, DENIED, NO_WRITES, NO_WRITES]
const WINDOW: Row = [NO_WINDOW, NO_WINDOW, NO_WINDOW, DENIED, NO_WINDOW, NO_WINDOW]

/** Every cell. */
export const matrix: Readonly<Record<ChangeName, Row>> = {
  nothing: NONE,

  workspaceRemoved: ALL,
  workspaceClosed: ALL,
  tenantMoved: ALL,
  userRemoved: PERSONAL,
  userDisabled: PERSONAL,
  memberLeft: PERSONAL,

  tenantRemoved: ALL,
  entitlementLost: PERSONAL,

  roleChanged: PERSONAL,
  roleEmptied: PERSONAL,
  operationWithdrawn: ALL,
  systemWithdrawn: [NO_SYSTEM, NO_SYSTEM, NO_SYSTEM, NO_SYSTEM, NO_SYSTEM, DENIED],

  tenantDraft: ALL,
  tenantOnboarding: [ONBOARDING, DENIED, DENIED, DENIED, DENIED, DENIED],
  tenantArchived: ALL,
  tenantOdd: ALL,

  connectionNotNamed: ALL,
  connectionRemoved: ALL,
  connectionMoved: ALL,
  connectionDisabled: ALL,
  connectionLost: ALL,

  gateRemoved: WRITING,
  gateNotConfigured: WRITING,
  gateNeverChecked: WRITING,
  gateFailed: WRITING,
  gateDegraded: WRITING,
  gateOdd: WRITING,
  gateStale: WRITING,

  prerequisiteRemoved: WINDOW,
  prerequisiteUnsatisfied: WINDOW
}

/** Section 4's table: the check a code fails, its class, whether trying again can help. */
export const codes = {
  workspace_mismatch: ["workspace_scope", "scope_denied", false],
  initiator_missing: ["workspace_scope", "initiator_invalid", false],
  initiator_not_entitled: ["workspace_scope", "initiator_invalid", false],
  tenant_missing: ["tenant_scope", "scope_denied", false],
  tenant_not_entitled: ["tenant_scope", "scope_denied", false],
  missing_capability: ["capability", "capability_denied", false],
  tenant_not_operable: ["tenant_operability", "tenant_not_operable", true],
  provider_connection_invalid: ["execution_prerequisites", "prerequisite_invalid", true],
  write_gate_blocked: ["execution_prerequisites", "prerequisite_invalid", true],
  execution_prerequisite_invalid: ["execution_prerequisites", "prerequisite_invalid", true]
} as const

/** Section 4: the order of the checks. */
export const order = [
  "workspace_scope",
  "tenant_scope",
  "capability",
  "tenant_operability",
  "execution_prerequisites"
] as const

/** Section 4: nobody's capability is asked for under system authority. */
export const checksWhenAllowed = (person: boolean): Readonly<Record<string, string>> =>
  Object.fromEntries(order.map((check) => [check, check === "capability" && !person ? "not_applicable" : "passed"]))

/** Section 4: the first failure wins, and nothing is asked after it. */
export const checksWhenDenied = (failed: (typeof order)[number], person: boolean): Readonly<Record<string, string>> => {
  const at = order.indexOf(failed)
  return Object.fromEntries(
    Object.entries(checksWhenAllowed(person)).map(([check, value], index) => [
      check,
      index < at ? value : index === at ? "failed" : "not_applicable"
    ])
  )
}
