/**
 * Changes of facts: what somebody would have to do so that a failing check passes. Each answers one detail code.
 *
 * Contract section 4.
 */
import { Schema } from "effect"
import { initiatorOf } from "./Authority.ts"
import type { DetailCode, Failure } from "./Decision.ts"
import type { Requirements } from "./Operation.ts"
import type { AuthorityFacts, ConnectionFact, Snapshot, TenantFact } from "./Snapshot.ts"

/** What somebody can do about a failing check. */
export const ChangeKind = Schema.Literals([
  "create_workspace",
  "open_workspace",
  "move_tenant",
  "create_user",
  "enable_user",
  "add_member",
  "create_tenant",
  "entitle_initiator",
  "declare_operation",
  "declare_system_authority",
  "grant_capability",
  "change_tenant_state",
  "create_connection",
  "move_connection",
  "enable_connection",
  "connect_provider",
  "open_write_gate",
  "satisfy_prerequisite"
])
export type ChangeKind = typeof ChangeKind.Type

/** `subject` is the id or name of what has to change. */
export const Change = Schema.Struct({ kind: ChangeKind, subject: Schema.String })
export type Change = typeof Change.Type

/** A change and the snapshot as it would be after it. */
export interface Mending {
  readonly change: Change
  readonly mended: Snapshot
}

/** The change that answers this failure, or null when no change of facts can: the run does not name what it needs. */
export const changeFor = (failure: Failure, snapshot: Snapshot): Mending | null =>
  mendings[failure.detail](snapshot, failure.about)

/** A declaration that asks nothing, taken for an undeclared operation: nobody knows what that would ask. */
const ASKS_NOTHING: Requirements = {
  capability: null,
  systemAuthority: true,
  tenantStates: ["active"],
  providerConnection: false,
  writes: false,
  writeGateMaxAgeMillis: 0,
  prerequisites: []
}

const withFacts = (
  snapshot: Snapshot,
  kind: ChangeKind,
  subject: string | null,
  changed: Partial<AuthorityFacts>
): Mending | null =>
  subject === null
    ? null
    : { change: { kind, subject }, mended: { ...snapshot, facts: { ...snapshot.facts, ...changed } } }

const withRequirements = (snapshot: Snapshot, kind: ChangeKind, requirements: Requirements): Mending => ({
  change: { kind, subject: snapshot.subject.operationType },
  mended: { ...snapshot, requirements }
})

const opened = (kind: ChangeKind) => (snapshot: Snapshot) => {
  const id = snapshot.subject.scope.workspaceId
  return withFacts(snapshot, kind, id, { workspace: { id, open: true } })
}

const enabledUser = (kind: ChangeKind) => (snapshot: Snapshot) => {
  const id = initiatorOf(snapshot.subject.authority)
  return withFacts(snapshot, kind, id, { initiator: id && { id, disabled: false } })
}

const memberWith =
  (kind: ChangeKind, capabilities: NonNullable<AuthorityFacts["membership"]>["capabilities"]) =>
  (snapshot: Snapshot) => {
    const userId = initiatorOf(snapshot.subject.authority)
    const { workspaceId } = snapshot.subject.scope
    return withFacts(snapshot, kind, userId, { membership: userId && { workspaceId, userId, capabilities } })
  }

const entitled = (snapshot: Snapshot) => {
  const userId = initiatorOf(snapshot.subject.authority)
  const { tenantId } = snapshot.subject.scope
  return withFacts(snapshot, "entitle_initiator", tenantId, {
    entitlement: userId && tenantId && { userId, tenantId }
  })
}

const operableState = ({ requirements }: Snapshot): string => requirements?.tenantStates[0] ?? "active"

const tenant = (kind: ChangeKind, changed: (snapshot: Snapshot) => Partial<TenantFact>) => (snapshot: Snapshot) => {
  const { tenantId: id, workspaceId } = snapshot.subject.scope
  const created = { workspaceId, state: operableState(snapshot) }
  const known = snapshot.facts.tenant?.id === id ? snapshot.facts.tenant : created
  return withFacts(snapshot, kind, id, { tenant: id && { ...known, ...changed(snapshot), id } })
}

const connection = (kind: ChangeKind, changed: Partial<ConnectionFact>) => (snapshot: Snapshot) => {
  const { providerConnectionId: id, tenantId, workspaceId } = snapshot.subject.scope
  const known = snapshot.facts.connection?.id === id ? snapshot.facts.connection : { enabled: true, connected: true }
  return withFacts(snapshot, kind, id, {
    connection: id && { ...known, ...changed, id, workspaceId, tenantId }
  })
}

const openGate = (snapshot: Snapshot) => {
  const { tenantId } = snapshot.subject.scope
  return withFacts(snapshot, "open_write_gate", tenantId, {
    writeGate: tenantId && { tenantId, health: "ok", checkedAtMillis: snapshot.takenAtMillis }
  })
}

const satisfied = (snapshot: Snapshot, about: string | null) => {
  const { workspaceId, tenantId } = snapshot.subject.scope
  const name = snapshot.requirements?.prerequisites.find((required) => required === about)
  if (name === undefined) return null
  return withFacts(snapshot, "satisfy_prerequisite", name, {
    prerequisites: [
      { name, workspaceId, tenantId, satisfied: true },
      ...snapshot.facts.prerequisites.filter((fact) => fact.name !== name)
    ]
  })
}

const mendings: Readonly<Record<DetailCode, (snapshot: Snapshot, about: string | null) => Mending | null>> = {
  workspace_missing: opened("create_workspace"),
  workspace_closed: opened("open_workspace"),
  tenant_elsewhere: tenant("move_tenant", ({ subject }) => ({ workspaceId: subject.scope.workspaceId })),
  user_missing: enabledUser("create_user"),
  user_disabled: enabledUser("enable_user"),
  not_a_member: memberWith("add_member", []),
  tenant_missing: tenant("create_tenant", () => ({})),
  not_entitled: entitled,
  operation_unknown: (snapshot) => withRequirements(snapshot, "declare_operation", ASKS_NOTHING),
  system_authority_not_declared: (snapshot) =>
    snapshot.requirements &&
    withRequirements(snapshot, "declare_system_authority", { ...snapshot.requirements, systemAuthority: true }),
  not_held: (snapshot) => {
    const capability = snapshot.requirements?.capability
    return capability ? memberWith("grant_capability", [capability])(snapshot) : null
  },
  tenant_state: tenant("change_tenant_state", (snapshot) => ({ state: operableState(snapshot) })),
  connection_not_named: () => null,
  connection_missing: connection("create_connection", {}),
  connection_elsewhere: connection("move_connection", {}),
  connection_disabled: connection("enable_connection", { enabled: true }),
  connection_disconnected: connection("connect_provider", { connected: true }),
  not_configured: openGate,
  unhealthy: openGate,
  stale: openGate,
  prerequisite_unknown: satisfied,
  prerequisite_unsatisfied: satisfied
}
