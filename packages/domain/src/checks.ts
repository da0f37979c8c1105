/**
 * The five checks, in their order. Each asks one question of a snapshot and answers: passed, not applicable, or how it failed.
 * A fact about another target, or no fact, is never a reason to pass.
 *
 * Contract section 4.
 */
import type { CheckKey, DetailCode, Failure, ReasonCode } from "./Decision.ts"
import type { PrerequisiteName, UserId } from "./Ids.ts"
import type { MembershipFact, Snapshot, TenantFact } from "./Snapshot.ts"
import { closureOf } from "./WriteGate.ts"

/** What a check says: passed, nothing to ask, or how it failed. */
export type Answer = "passed" | "not_applicable" | Failure

/** One of the five questions. `answer` is pure, and total over every snapshot. */
export interface Check {
  readonly key: CheckKey
  readonly asks: string
  /**
   * `tenant` is what {@link tenantOf} finds in the snapshot: several checks ask for it, and comparing ids is most of what a
   * decision costs. A check that is asked alone finds it itself.
   */
  readonly answer: (snapshot: Snapshot, tenant?: TenantFact | null) => Answer
}

const failure = (code: ReasonCode, detail: DetailCode, about: string | null = null): Failure =>
  Object.freeze({ code, detail, about })

// The failures are shared constants: a decision made from one is found again, not built again (see Legitimacy.ts).
const WORKSPACE_MISSING = failure("workspace_mismatch", "workspace_missing")
const WORKSPACE_CLOSED = failure("workspace_mismatch", "workspace_closed")
const TENANT_ELSEWHERE = failure("workspace_mismatch", "tenant_elsewhere")
const USER_MISSING = failure("initiator_missing", "user_missing")
const USER_DISABLED = failure("initiator_not_entitled", "user_disabled")
const NOT_A_MEMBER = failure("initiator_not_entitled", "not_a_member")
const TENANT_MISSING = failure("tenant_missing", "tenant_missing")
const NOT_ENTITLED = failure("tenant_not_entitled", "not_entitled")
const OPERATION_UNKNOWN = failure("missing_capability", "operation_unknown")
const SYSTEM_NOT_DECLARED = failure("missing_capability", "system_authority_not_declared")
const NOT_HELD = failure("missing_capability", "not_held")
const CONNECTION_NOT_NAMED = failure("provider_connection_invalid", "connection_not_named")
const CONNECTION_MISSING = failure("provider_connection_invalid", "connection_missing")
const CONNECTION_ELSEWHERE = failure("provider_connection_invalid", "connection_elsewhere")
const CONNECTION_DISABLED = failure("provider_connection_invalid", "connection_disabled")
const CONNECTION_DISCONNECTED = failure("provider_connection_invalid", "connection_disconnected")

const WRITE_GATE_CLOSED = {
  not_configured: failure("write_gate_blocked", "not_configured"),
  unhealthy: failure("write_gate_blocked", "unhealthy"),
  stale: failure("write_gate_blocked", "stale")
}

const TENANT_STATE: ReadonlyMap<string, Failure> = new Map(
  ["draft", "onboarding", "active", "archived"].map((state) => [
    state,
    failure("tenant_not_operable", "tenant_state", state)
  ])
)
const TENANT_STATE_UNRECOGNISED = failure("tenant_not_operable", "tenant_state", "unrecognised")

// By name. Names are declared by the host's programmers: there are as many as they wrote.
const PREREQUISITE_UNKNOWN = new Map<PrerequisiteName, Failure>()
const PREREQUISITE_UNSATISFIED = new Map<PrerequisiteName, Failure>()

/** The one failure of this kind about this prerequisite. */
const shared = (known: Map<PrerequisiteName, Failure>, detail: DetailCode, name: PrerequisiteName): Failure => {
  const made = known.get(name)
  if (made !== undefined) return made
  const one = failure("execution_prerequisite_invalid", detail, name)
  known.set(name, one)
  return one
}

/** The tenant's fact, if it is about the run's tenant. */
export const tenantOf = ({ subject: { scope }, facts: { tenant } }: Snapshot): TenantFact | null =>
  tenant?.id === scope.tenantId ? tenant : null

/** The membership, if it is the initiator's, of the run's workspace. */
const membershipOf = ({ subject: { scope }, facts: { membership } }: Snapshot, user: UserId): MembershipFact | null =>
  membership?.userId === user && membership.workspaceId === scope.workspaceId ? membership : null

const workspaceScope: Check["answer"] = (snapshot) => {
  const { authority, scope } = snapshot.subject
  const { workspace, initiator } = snapshot.facts
  if (workspace?.id !== scope.workspaceId) return WORKSPACE_MISSING
  if (!workspace.open) return WORKSPACE_CLOSED
  const tenant = tenantOf(snapshot)
  if (tenant !== null && tenant.workspaceId !== scope.workspaceId) return TENANT_ELSEWHERE
  if (authority._tag === "SystemAuthority") return "passed"
  if (initiator?.id !== authority.initiator) return USER_MISSING
  if (initiator.disabled) return USER_DISABLED
  return membershipOf(snapshot, authority.initiator) === null ? NOT_A_MEMBER : "passed"
}

const tenantScope: Check["answer"] = (snapshot, tenant = tenantOf(snapshot)) => {
  const { authority, scope } = snapshot.subject
  const { entitlement } = snapshot.facts
  if (scope.tenantId === null) return "not_applicable"
  if (tenant === null) return TENANT_MISSING
  if (authority._tag === "SystemAuthority") return "passed"
  const isEntitled = entitlement?.userId === authority.initiator && entitlement.tenantId === scope.tenantId
  return isEntitled ? "passed" : NOT_ENTITLED
}

const capability: Check["answer"] = (snapshot) => {
  const {
    subject: { authority },
    requirements
  } = snapshot
  if (requirements === null) return OPERATION_UNKNOWN
  if (authority._tag === "SystemAuthority") return requirements.systemAuthority ? "not_applicable" : SYSTEM_NOT_DECLARED
  if (requirements.capability === null) return "not_applicable"
  const membership = membershipOf(snapshot, authority.initiator)
  return membership?.capabilities.includes(requirements.capability) === true ? "passed" : NOT_HELD
}

const tenantOperability: Check["answer"] = (snapshot, tenant = tenantOf(snapshot)) => {
  if (snapshot.subject.scope.tenantId === null) return "not_applicable"
  const { requirements } = snapshot
  if (requirements === null || tenant === null) return TENANT_STATE_UNRECOGNISED
  const { state } = tenant
  if (requirements.tenantStates.some((operable) => operable === state)) return "passed"
  return TENANT_STATE.get(state) ?? TENANT_STATE_UNRECOGNISED
}

const executionPrerequisites: Check["answer"] = (snapshot) => {
  const { requirements } = snapshot
  if (requirements === null) return "not_applicable"
  if (requirements.providerConnection) {
    const failed = connectionFailure(snapshot)
    if (failed !== null) return failed
  }
  if (requirements.writes) {
    const failed = writeGateFailure(snapshot, requirements.writeGateMaxAgeMillis)
    if (failed !== null) return failed
  }
  for (const name of requirements.prerequisites) {
    const failed = prerequisiteFailure(snapshot, name)
    if (failed !== null) return failed
  }
  const nothingAsked =
    !requirements.providerConnection && !requirements.writes && requirements.prerequisites.length === 0
  return nothingAsked ? "not_applicable" : "passed"
}

const connectionFailure = ({ subject: { scope }, facts: { connection } }: Snapshot): Failure | null => {
  if (scope.providerConnectionId === null) return CONNECTION_NOT_NAMED
  if (connection === null || connection.id !== scope.providerConnectionId) return CONNECTION_MISSING
  if (connection.workspaceId !== scope.workspaceId || connection.tenantId !== scope.tenantId) {
    return CONNECTION_ELSEWHERE
  }
  if (!connection.enabled) return CONNECTION_DISABLED
  return connection.connected ? null : CONNECTION_DISCONNECTED
}

const writeGateFailure = (
  { subject: { scope }, facts: { writeGate }, takenAtMillis }: Snapshot,
  maxAgeMillis: number
): Failure | null => {
  if (writeGate === null || writeGate.tenantId !== scope.tenantId) return WRITE_GATE_CLOSED.not_configured
  const closure = closureOf(writeGate, takenAtMillis, maxAgeMillis)
  return closure === null ? null : WRITE_GATE_CLOSED[closure]
}

const prerequisiteFailure = (
  { subject: { scope }, facts: { prerequisites } }: Snapshot,
  name: PrerequisiteName
): Failure | null => {
  let isKnown = false
  for (const fact of prerequisites) {
    const isAsked = fact.name === name && fact.workspaceId === scope.workspaceId && fact.tenantId === scope.tenantId
    if (!isAsked) continue
    // Of facts that contradict each other the one that denies counts, in whatever order they come.
    if (!fact.satisfied) return shared(PREREQUISITE_UNSATISFIED, "prerequisite_unsatisfied", name)
    isKnown = true
  }
  return isKnown ? null : shared(PREREQUISITE_UNKNOWN, "prerequisite_unknown", name)
}

/** The table `decide` and `explain` go through, in the order of the contract. */
export const checks: readonly [Check, Check, Check, Check, Check] = [
  {
    key: "workspace_scope",
    asks: "Is the workspace open, the tenant part of it, and the initiator an active member?",
    answer: workspaceScope
  },
  { key: "tenant_scope", asks: "Does the tenant exist, and may the initiator touch it?", answer: tenantScope },
  { key: "capability", asks: "Does the initiator hold the capability the operation requires?", answer: capability },
  {
    key: "tenant_operability",
    asks: "May the operation run in the tenant's present state?",
    answer: tenantOperability
  },
  {
    key: "execution_prerequisites",
    asks: "Are the connection, the write gate and the host's prerequisites in order?",
    answer: executionPrerequisites
  }
]
