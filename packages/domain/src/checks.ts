/**
 * The five checks, in their order. Each asks one question of a snapshot: does it apply, and how does it fail. A fact about another
 * target, or no fact, is never a reason to pass; nor is one of another shape than its type says, such as a source without types may
 * give: what has to be true is compared with `true`.
 *
 * Contract section 4.
 */
import type { CheckKey, DetailCode, Failure, ReasonCode } from "./Decision.ts"
import type { PrerequisiteName } from "./Ids.ts"
import type { MembershipFact, Snapshot, TenantFact } from "./Snapshot.ts"
import { closureOf } from "./WriteGate.ts"

/** One of the five questions. Both functions are pure, and total over every snapshot. */
export interface Check<Found = null> {
  readonly key: CheckKey
  readonly asks: string
  /** Whether the run gives reason to ask. It reads no facts. */
  readonly applies: (snapshot: Snapshot) => boolean
  /**
   * How it fails, first things first; null when it does not, also where it does not apply. `found` is the fact that an earlier
   * check has found to be about the run: comparing ids is most of what a decision costs. A check that is asked by itself finds it.
   */
  readonly failureOf: (snapshot: Snapshot, found?: Found) => Failure | null
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
const tenantOf = (snapshot: Snapshot): TenantFact | null => {
  const { tenant } = snapshot.facts
  return tenant !== null && tenant.id === snapshot.subject.scope.tenantId ? tenant : null
}

/** The membership, if it is the initiator's, of the run's workspace. */
const membershipOf = (snapshot: Snapshot): MembershipFact | null => {
  const { authority, scope } = snapshot.subject
  const { membership } = snapshot.facts
  if (authority._tag === "SystemAuthority" || membership === null) return null
  return membership.userId === authority.initiator && membership.workspaceId === scope.workspaceId ? membership : null
}

const workspaceScope = (snapshot: Snapshot): Failure | null => {
  const { authority, scope } = snapshot.subject
  const { workspace } = snapshot.facts
  if (workspace === null || workspace.id !== scope.workspaceId) return WORKSPACE_MISSING
  if (workspace.open !== true) return WORKSPACE_CLOSED
  const tenant = tenantOf(snapshot)
  if (tenant !== null && tenant.workspaceId !== scope.workspaceId) return TENANT_ELSEWHERE
  if (authority._tag === "SystemAuthority") return null
  const { initiator } = snapshot.facts
  if (initiator === null || initiator.id !== authority.initiator) return USER_MISSING
  if (initiator.disabled !== false) return USER_DISABLED
  return membershipOf(snapshot) === null ? NOT_A_MEMBER : null
}

const namesTenant = ({ subject }: Snapshot): boolean => subject.scope.tenantId !== null

const tenantScope = (snapshot: Snapshot): Failure | null => {
  const { authority, scope } = snapshot.subject
  if (scope.tenantId === null) return null
  if (tenantOf(snapshot) === null) return TENANT_MISSING
  if (authority._tag === "SystemAuthority") return null
  const { entitlement } = snapshot.facts
  if (entitlement === null || entitlement.userId !== authority.initiator) return NOT_ENTITLED
  return entitlement.tenantId === scope.tenantId ? null : NOT_ENTITLED
}

const asksCapability = ({ subject, requirements }: Snapshot): boolean =>
  subject.authority._tag === "ActorBound" && requirements !== null && requirements.capability !== null

const capability = (snapshot: Snapshot, membership = membershipOf(snapshot)): Failure | null => {
  const { authority } = snapshot.subject
  const { requirements } = snapshot
  if (requirements === null) return OPERATION_UNKNOWN
  if (authority._tag === "SystemAuthority") return requirements.systemAuthority ? null : SYSTEM_NOT_DECLARED
  if (requirements.capability === null) return null
  return membership !== null && isAmong(membership.capabilities, requirements.capability) ? null : NOT_HELD
}

/** Whether this one is among them. They are few: a plain loop takes less time than `includes` needs to begin. */
const isAmong = (all: ReadonlyArray<string>, one: string): boolean => {
  for (let at = 0; at < all.length; at++) if (all[at] === one) return true
  return false
}

const tenantOperability = (snapshot: Snapshot, tenant = tenantOf(snapshot)): Failure | null => {
  const { requirements } = snapshot
  if (snapshot.subject.scope.tenantId === null) return null
  if (requirements === null || tenant === null) return TENANT_STATE_UNRECOGNISED
  if (isAmong(requirements.tenantStates, tenant.state)) return null
  return TENANT_STATE.get(tenant.state) ?? TENANT_STATE_UNRECOGNISED
}

const hasPrerequisites = ({ requirements }: Snapshot): boolean =>
  requirements !== null &&
  (requirements.providerConnection || requirements.writes || requirements.prerequisites.length > 0)

const executionPrerequisites = (snapshot: Snapshot): Failure | null => {
  const { requirements } = snapshot
  if (requirements === null) return null
  return (
    (requirements.providerConnection ? connectionFailure(snapshot) : null) ??
    (requirements.writes ? writeGateFailure(snapshot, requirements.writeGateMaxAgeMillis) : null) ??
    (requirements.prerequisites.length > 0 ? prerequisitesFailure(snapshot, requirements.prerequisites) : null)
  )
}

const connectionFailure = (snapshot: Snapshot): Failure | null => {
  const { scope } = snapshot.subject
  const { connection } = snapshot.facts
  if (scope.providerConnectionId === null) return CONNECTION_NOT_NAMED
  if (connection === null || connection.id !== scope.providerConnectionId) return CONNECTION_MISSING
  if (connection.workspaceId !== scope.workspaceId || connection.tenantId !== scope.tenantId) {
    return CONNECTION_ELSEWHERE
  }
  if (connection.enabled !== true) return CONNECTION_DISABLED
  return connection.connected === true ? null : CONNECTION_DISCONNECTED
}

const writeGateFailure = (snapshot: Snapshot, maxAgeMillis: number): Failure | null => {
  const { scope } = snapshot.subject
  const { writeGate } = snapshot.facts
  if (writeGate === null || writeGate.tenantId !== scope.tenantId) return WRITE_GATE_CLOSED.not_configured
  const closure = closureOf(writeGate, snapshot.takenAtMillis, maxAgeMillis)
  return closure === null ? null : WRITE_GATE_CLOSED[closure]
}

const prerequisitesFailure = (snapshot: Snapshot, names: ReadonlyArray<PrerequisiteName>): Failure | null => {
  for (const name of names) {
    const failed = prerequisiteFailure(snapshot, name)
    if (failed !== null) return failed
  }
  return null
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
    if (fact.satisfied !== true) return shared(PREREQUISITE_UNSATISFIED, "prerequisite_unsatisfied", name)
    isKnown = true
  }
  return isKnown ? null : shared(PREREQUISITE_UNKNOWN, "prerequisite_unknown", name)
}

/** The table `decide` and `explain` go through, in the order of the contract. */
export const checks: readonly [Check, Check, Check<MembershipFact | null>, Check<TenantFact | null>, Check] = [
  {
    key: "workspace_scope",
    asks: "Is the workspace open, the tenant part of it, and the initiator an active member?",
    applies: () => true,
    failureOf: workspaceScope
  },
  {
    key: "tenant_scope",
    asks: "Does the tenant exist, and may the initiator touch it?",
    applies: namesTenant,
    failureOf: tenantScope
  },
  {
    key: "capability",
    asks: "Does the initiator hold the capability the operation requires?",
    applies: asksCapability,
    failureOf: capability
  },
  {
    key: "tenant_operability",
    asks: "May the operation run in the tenant's present state?",
    applies: namesTenant,
    failureOf: tenantOperability
  },
  {
    key: "execution_prerequisites",
    asks: "Are the connection, the write gate and the host's prerequisites in order?",
    applies: hasPrerequisites,
    failureOf: executionPrerequisites
  }
]
