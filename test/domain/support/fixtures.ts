/** One workspace, one tenant, one person, one connection, everything in order; tests say what is different. */
import {
  type AuthorityFacts,
  actorBound,
  Capability,
  type ConnectionFact,
  DecisionId,
  type Dispatch,
  OperationType,
  PrerequisiteName,
  ProviderConnectionId,
  type Requirements,
  RunId,
  type Snapshot,
  type Subject,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"

export const NOW_MILLIS = 1_790_000_000_000
export const DAY_MILLIS = 24 * 60 * 60 * 1000

export const workspaceId = WorkspaceId.make("workspace")
export const otherWorkspaceId = WorkspaceId.make("another workspace")
export const tenantId = TenantId.make("tenant")
export const otherTenantId = TenantId.make("another tenant")
export const userId = UserId.make("initiator")
export const otherUserId = UserId.make("somebody else")
export const connectionId = ProviderConnectionId.make("connection")
export const otherConnectionId = ProviderConnectionId.make("another connection")
export const operationType = OperationType.make("restore.execute")
export const capability = Capability.make("restore.execute")
export const otherCapability = Capability.make("inventory.sync")
export const prerequisite = PrerequisiteName.make("maintenance_window")
export const otherPrerequisite = PrerequisiteName.make("quota")

/** The n-th run id, and the n-th decision id. */
export const runId = (n: number) => RunId.make(uuid(n))
export const decisionId = (n: number) => DecisionId.make(uuid(n))
const uuid = (n: number) => `0190163d-8694-739b-aea5-${n.toString(16).padStart(12, "0")}`

/** Asks for everything an operation can ask for. */
export const requirements: Requirements = {
  capability,
  systemAuthority: false,
  tenantStates: ["active"],
  providerConnection: true,
  writes: true,
  writeGateMaxAgeMillis: DAY_MILLIS,
  prerequisites: [prerequisite]
}

export const subject: Subject = {
  operationType,
  authority: actorBound(userId),
  scope: { workspaceId, tenantId, providerConnectionId: connectionId }
}

export const connection: ConnectionFact = { id: connectionId, workspaceId, tenantId, enabled: true, connected: true }

export const facts: AuthorityFacts = {
  workspace: { id: workspaceId, open: true },
  tenant: { id: tenantId, workspaceId, state: "active" },
  initiator: { id: userId, disabled: false },
  membership: { workspaceId, userId, capabilities: [capability] },
  entitlement: { userId, tenantId },
  connection,
  writeGate: { tenantId, health: "ok", checkedAtMillis: NOW_MILLIS - 1000 },
  prerequisites: [{ name: prerequisite, workspaceId, tenantId, satisfied: true }]
}

/** The allowed snapshot, with these facts changed. */
export const snapshotWith = (
  changedFacts: Partial<AuthorityFacts> = {},
  changed: Partial<Omit<Snapshot, "facts">> = {}
): Snapshot => ({
  takenAtMillis: NOW_MILLIS,
  subject,
  requirements,
  ...changed,
  facts: { ...facts, ...changedFacts }
})

export const dispatched = (changed: Partial<Dispatch> = {}): Dispatch => ({
  id: runId(1),
  subject,
  actorKind: "human",
  initiatorName: "Ada",
  payload: { items: [1, 2, 3] },
  identity: "an identity",
  maxAttempts: 3,
  priority: "normal",
  dispatchedAtMillis: NOW_MILLIS - DAY_MILLIS,
  expiresAtMillis: NOW_MILLIS + 6 * DAY_MILLIS,
  retryOf: null,
  slot: null,
  ...changed
})
