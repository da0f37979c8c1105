/**
 * Every fact a decision may read, with the instant it was taken. What is not in it cannot influence the decision.
 *
 * Facts carry the ids of what they are about, and a check believes a fact only about the run's own target
 * (law `other_tenants_facts_do_not_matter`). A null means: nothing is known (law `nothing_known_is_denied`).
 *
 * Contract sections 2 and 4.
 */
import { Schema } from "effect"
import { Authority } from "./Authority.ts"
import { Capability } from "./Capability.ts"
import { OperationType, PrerequisiteName, ProviderConnectionId, TenantId, UserId, WorkspaceId } from "./Ids.ts"
import { Requirements } from "./Operation.ts"
import { WriteGateFact } from "./WriteGate.ts"

/** What a run acts upon. */
export const TargetScope = Schema.Struct({
  workspaceId: WorkspaceId,
  tenantId: Schema.NullOr(TenantId),
  providerConnectionId: Schema.NullOr(ProviderConnectionId)
})
export type TargetScope = typeof TargetScope.Type

/** Whether the workspace is open; a closed one is kept, and nothing runs in it. */
export const WorkspaceFact = Schema.Struct({ id: WorkspaceId, open: Schema.Boolean })
export type WorkspaceFact = typeof WorkspaceFact.Type

/** `state` is any string of the host's; only the states an operation names let it run. */
export const TenantFact = Schema.Struct({ id: TenantId, workspaceId: WorkspaceId, state: Schema.String })
export type TenantFact = typeof TenantFact.Type

/** Whether the person who started the run may act at all. */
export const InitiatorFact = Schema.Struct({ id: UserId, disabled: Schema.Boolean })
export type InitiatorFact = typeof InitiatorFact.Type

/** Membership of a workspace and which of the *asked* capabilities come with it. */
export const MembershipFact = Schema.Struct({
  workspaceId: WorkspaceId,
  userId: UserId,
  capabilities: Schema.Array(Capability)
})
export type MembershipFact = typeof MembershipFact.Type

/** That the person may touch the tenant; there is no fact for the opposite. */
export const EntitlementFact = Schema.Struct({ userId: UserId, tenantId: TenantId })
export type EntitlementFact = typeof EntitlementFact.Type

/** A connection without tenant belongs to the workspace itself. */
export const ConnectionFact = Schema.Struct({
  id: ProviderConnectionId,
  workspaceId: WorkspaceId,
  tenantId: Schema.NullOr(TenantId),
  enabled: Schema.Boolean,
  connected: Schema.Boolean
})
export type ConnectionFact = typeof ConnectionFact.Type

/** One of the host's own prerequisites, as it stands for a workspace or one of its tenants. */
export const PrerequisiteFact = Schema.Struct({
  name: PrerequisiteName,
  workspaceId: WorkspaceId,
  tenantId: Schema.NullOr(TenantId),
  satisfied: Schema.Boolean
})
export type PrerequisiteFact = typeof PrerequisiteFact.Type

/** The facts about one run's target and initiator. */
export const AuthorityFacts = Schema.Struct({
  workspace: Schema.NullOr(WorkspaceFact),
  tenant: Schema.NullOr(TenantFact),
  initiator: Schema.NullOr(InitiatorFact),
  membership: Schema.NullOr(MembershipFact),
  entitlement: Schema.NullOr(EntitlementFact),
  connection: Schema.NullOr(ConnectionFact),
  writeGate: Schema.NullOr(WriteGateFact),
  prerequisites: Schema.Array(PrerequisiteFact)
})
export type AuthorityFacts = typeof AuthorityFacts.Type

/** The facts when nothing is known at all. */
export const NOTHING_KNOWN: AuthorityFacts = Object.freeze({
  workspace: null,
  tenant: null,
  initiator: null,
  membership: null,
  entitlement: null,
  connection: null,
  writeGate: null,
  prerequisites: []
})

/** What is asked about: the run's type, authority and target, never its payload. */
export const Subject = Schema.Struct({
  operationType: OperationType,
  authority: Authority,
  scope: TargetScope
})
export type Subject = typeof Subject.Type

/** The input of a decision. `requirements` is null when no operation of the type is declared. */
export const Snapshot = Schema.Struct({
  /** Epoch milliseconds. */
  takenAtMillis: Schema.Int,
  subject: Subject,
  requirements: Schema.NullOr(Requirements),
  facts: AuthorityFacts
})
export type Snapshot = typeof Snapshot.Type

/** What is known of one of the host's prerequisites for the run's own workspace and tenant. */
export const knownOfPrerequisite = (
  name: string | null,
  { subject: { scope }, facts: { prerequisites } }: Snapshot
): ReadonlyArray<PrerequisiteFact> =>
  prerequisites.filter(
    (fact) => fact.name === name && fact.workspaceId === scope.workspaceId && fact.tenantId === scope.tenantId
  )
