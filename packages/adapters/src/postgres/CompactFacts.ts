/**
 * What a run asked about and the facts that were found, in few letters: nearly every fact is about what was asked, and then says that
 * in no more words. A fact about anything else is kept whole.
 */
import {
  type AuthorityFacts,
  actorBound,
  Capability,
  ConnectionFact,
  EntitlementFact,
  InitiatorFact,
  initiatorOf,
  MembershipFact,
  OperationType,
  PrerequisiteFact,
  PrerequisiteName,
  ProviderConnectionId,
  type Requirements,
  type Snapshot,
  type Subject,
  systemAuthority,
  TenantFact,
  TenantId,
  UserId,
  WorkspaceFact,
  WorkspaceId,
  WriteGateFact
} from "@countersign/domain"
import { Schema } from "effect"

/** Operation, initiator, workspace, tenant, connection; then the facts, in the order of `AuthorityFacts`. */
export const CompactFacts = Schema.Tuple([
  OperationType,
  Schema.NullOr(UserId),
  WorkspaceId,
  Schema.NullOr(TenantId),
  Schema.NullOr(ProviderConnectionId),
  /** Whether it is open. */
  Schema.NullOr(Schema.Union([Schema.Boolean, WorkspaceFact])),
  /** Its state. */
  Schema.NullOr(Schema.Union([Schema.String, TenantFact])),
  /** Whether disabled. */
  Schema.NullOr(Schema.Union([Schema.Boolean, InitiatorFact])),
  /** Whether it comes with the one capability that was asked for; or with which. */
  Schema.NullOr(Schema.Union([Schema.Boolean, Schema.Array(Capability), MembershipFact])),
  Schema.NullOr(Schema.Union([Schema.Literal(true), EntitlementFact])),
  /** Enabled, connected. */
  Schema.NullOr(Schema.Union([Schema.Tuple([Schema.Boolean, Schema.Boolean]), ConnectionFact])),
  /** Health, and when it was checked. */
  Schema.NullOr(
    Schema.Union([Schema.Tuple([WriteGateFact.fields.health, WriteGateFact.fields.checkedAtMillis]), WriteGateFact])
  ),
  /** Name, and whether satisfied. */
  Schema.Array(Schema.Union([Schema.Tuple([PrerequisiteName, Schema.Boolean]), PrerequisiteFact]))
])
export type CompactFacts = typeof CompactFacts.Type

const compactCapabilities = (capabilities: ReadonlyArray<Capability>, asked: Requirements | null) => {
  if (capabilities.length === 0) return false
  return capabilities.length === 1 && capabilities[0] === asked?.capability ? true : capabilities
}

/** Says the same in fewer letters. */
export const compactOf = ({ subject, requirements, facts }: Omit<Snapshot, "takenAtMillis">): CompactFacts => {
  const { workspaceId, tenantId, providerConnectionId } = subject.scope
  const userId = initiatorOf(subject.authority)
  const { workspace, tenant, initiator, membership, entitlement, connection, writeGate, prerequisites } = facts
  const isHere = (fact: { readonly workspaceId: WorkspaceId; readonly tenantId: TenantId | null }) =>
    fact.workspaceId === workspaceId && fact.tenantId === tenantId
  return [
    subject.operationType,
    userId,
    workspaceId,
    tenantId,
    providerConnectionId,
    workspace?.id === workspaceId ? workspace.open : workspace,
    tenant?.id === tenantId && tenant?.workspaceId === workspaceId ? tenant.state : tenant,
    initiator?.id === userId && initiator !== null ? initiator.disabled : initiator,
    membership !== null && membership.workspaceId === workspaceId && membership.userId === userId
      ? compactCapabilities(membership.capabilities, requirements)
      : membership,
    entitlement !== null && entitlement.userId === userId && entitlement.tenantId === tenantId ? true : entitlement,
    connection !== null && connection.id === providerConnectionId && isHere(connection)
      ? [connection.enabled, connection.connected]
      : connection,
    writeGate !== null && writeGate.tenantId === tenantId ? [writeGate.health, writeGate.checkedAtMillis] : writeGate,
    prerequisites.map((fact) => (isHere(fact) ? [fact.name, fact.satisfied] : fact))
  ]
}

const capabilitiesOf = (compact: boolean | ReadonlyArray<Capability>, asked: Requirements | null) => {
  if (typeof compact !== "boolean") return compact
  const capability = asked?.capability ?? null
  return compact && capability !== null ? [capability] : []
}

/** The same in whole words. `requirements` are those of the snapshot. */
export const expandedOf = (
  compact: CompactFacts,
  requirements: Requirements | null
): { readonly subject: Subject; readonly facts: AuthorityFacts } => {
  const [operationType, userId, workspaceId, tenantId, providerConnectionId, ...found] = compact
  const [workspace, tenant, initiator, membership, entitlement, connection, writeGate, prerequisites] = found
  return {
    subject: {
      operationType,
      authority: userId === null ? systemAuthority : actorBound(userId),
      scope: { workspaceId, tenantId, providerConnectionId }
    },
    facts: {
      workspace: typeof workspace === "boolean" ? { id: workspaceId, open: workspace } : workspace,
      tenant: typeof tenant === "string" ? { id: known(tenantId), workspaceId, state: tenant } : tenant,
      initiator: typeof initiator === "boolean" ? { id: known(userId), disabled: initiator } : initiator,
      membership:
        typeof membership === "boolean" || isList(membership)
          ? { workspaceId, userId: known(userId), capabilities: capabilitiesOf(membership, requirements) }
          : membership,
      entitlement: entitlement === true ? { userId: known(userId), tenantId: known(tenantId) } : entitlement,
      connection: isList(connection)
        ? { id: known(providerConnectionId), workspaceId, tenantId, enabled: connection[0], connected: connection[1] }
        : connection,
      writeGate: isList(writeGate)
        ? { tenantId: known(tenantId), health: writeGate[0], checkedAtMillis: writeGate[1] }
        : writeGate,
      prerequisites: prerequisites.map((fact) =>
        isList(fact) ? { workspaceId, tenantId, name: fact[0], satisfied: fact[1] } : fact
      )
    }
  }
}

/** `Array.isArray` does not tell a list that cannot be changed from an object. */
const isList = <A>(value: A): value is Extract<A, ReadonlyArray<unknown>> => Array.isArray(value)

/** What is told of something that was not asked about was altered. */
const known = <A>(id: A | null): A => {
  if (id === null) throw new Error("a fact is about something that was not asked about")
  return id
}
