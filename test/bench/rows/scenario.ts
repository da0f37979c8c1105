/** The mixed scenario of decisions: half allowed, half denied, for every reason equally often. */
import {
  type AuthorityFacts,
  actorBound,
  Capability,
  OperationType,
  PrerequisiteName,
  ProviderConnectionId,
  type ReasonCode,
  type Requirements,
  type Snapshot,
  type Subject,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { randomFrom, SEED, shuffled } from "../harness/random.ts"

export const NOW_MILLIS = 1_790_000_000_000
/** How many snapshots there are. */
export const CASES = 1_000

const prerequisite = PrerequisiteName.make("maintenance_window")

const requirements: Requirements = {
  capability: Capability.make("bench.act"),
  systemAuthority: false,
  tenantStates: ["active"],
  providerConnection: true,
  writes: true,
  writeGateMaxAgeMillis: 60_000,
  prerequisites: []
}
const withPrerequisite: Requirements = { ...requirements, prerequisites: [prerequisite] }

/** Ids are built anew for each case, as a database gives them: equal, but not the same string. */
const subjectOf = (number: number): Subject => ({
  operationType: OperationType.make("bench.sync"),
  authority: actorBound(UserId.make(`user-${number}`)),
  scope: {
    workspaceId: WorkspaceId.make(`workspace-${number % 50}`),
    tenantId: TenantId.make(`tenant-${number % 200}`),
    providerConnectionId: ProviderConnectionId.make(`connection-${number % 200}`)
  }
})

const allowedFacts = (number: number): AuthorityFacts => {
  const { authority, scope } = subjectOf(number)
  const { tenantId, providerConnectionId, workspaceId } = scope
  if (authority._tag !== "ActorBound" || tenantId === null || providerConnectionId === null) {
    throw new Error("every case names a person, a tenant and a connection")
  }
  const userId = authority.initiator
  return {
    workspace: { id: workspaceId, open: true },
    tenant: { id: tenantId, workspaceId, state: "active" },
    initiator: { id: userId, disabled: false },
    membership: { workspaceId, userId, capabilities: [Capability.make("bench.act")] },
    entitlement: { userId, tenantId },
    connection: { id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true },
    writeGate: { tenantId, health: "ok", checkedAtMillis: NOW_MILLIS - 1_000 },
    prerequisites: []
  }
}

/** How to be denied, once for each reason code of the contract. */
export const denials: ReadonlyArray<readonly [ReasonCode, (snapshot: Snapshot) => Snapshot]> = [
  ["workspace_mismatch", withFacts(({ workspace }) => ({ workspace: workspace && { ...workspace, open: false } }))],
  ["initiator_missing", withFacts(() => ({ initiator: null }))],
  ["initiator_not_entitled", withFacts(() => ({ membership: null }))],
  ["tenant_missing", withFacts(() => ({ tenant: null }))],
  ["tenant_not_entitled", withFacts(() => ({ entitlement: null }))],
  [
    "missing_capability",
    withFacts(({ membership }) => ({ membership: membership && { ...membership, capabilities: [] } }))
  ],
  ["tenant_not_operable", withFacts(({ tenant }) => ({ tenant: tenant && { ...tenant, state: "archived" } }))],
  [
    "provider_connection_invalid",
    withFacts(({ connection }) => ({ connection: connection && { ...connection, enabled: false } }))
  ],
  [
    "write_gate_blocked",
    withFacts(({ writeGate }) => ({ writeGate: writeGate && { ...writeGate, checkedAtMillis: 0 } }))
  ],
  ["execution_prerequisite_invalid", (snapshot) => ({ ...snapshot, requirements: withPrerequisite })]
]

function withFacts(change: (facts: AuthorityFacts) => Partial<AuthorityFacts>) {
  return (snapshot: Snapshot): Snapshot => ({ ...snapshot, facts: { ...snapshot.facts, ...change(snapshot.facts) } })
}

const allowedSnapshot = (number: number): Snapshot => ({
  takenAtMillis: NOW_MILLIS,
  subject: subjectOf(number),
  requirements,
  facts: allowedFacts(number)
})

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

export const allAllowed = upTo(CASES).map(allowedSnapshot)

/** Half allowed, the other half denied for every reason equally often, in no particular order. */
export const mixed = shuffled(
  upTo(CASES).map((number) => {
    const [, deny] = denials[(number >> 1) % denials.length] ?? []
    return number % 2 === 0 || deny === undefined ? allowedSnapshot(number) : deny(allowedSnapshot(number))
  }),
  randomFrom(SEED)
)
