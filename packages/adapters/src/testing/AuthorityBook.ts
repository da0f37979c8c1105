/**
 * What a host does to authority facts, as the laws do it: somebody joins, loses a role, a tenant is archived, a gate closes.
 * Not a port of the product: only tests need to change facts through one face, whatever keeps them.
 *
 * Contract section 4.
 */
import type {
  Capability,
  ConnectionFact,
  PrerequisiteFact,
  PrerequisiteName,
  ProviderConnectionId,
  Role,
  StoreUnavailable,
  TenantFact,
  TenantId,
  UserId,
  WorkspaceFact,
  WorkspaceId,
  WriteGateFact
} from "@countersign/domain"
import { Context, type Effect } from "effect"

type Change = Effect.Effect<void, StoreUnavailable>

/** A person as the book keeps them; `name` is for people and decides nothing. */
export interface BookedUser {
  readonly id: UserId
  readonly name: string
  readonly disabled: boolean
}

/**
 * Changes facts. Each change replaces what was known under the same key, is committed when it returns (or with the unit of
 * work it is made in), moves the epoch of every workspace whose runs it can concern, and waits for the units of work that
 * hold such a workspace's fence. Removing what is not there changes nothing, and moves no epoch.
 */
export class AuthorityBook extends Context.Service<
  AuthorityBook,
  {
    readonly setWorkspace: (workspace: WorkspaceFact) => Change
    readonly removeWorkspace: (id: WorkspaceId) => Change
    readonly setUser: (user: BookedUser) => Change
    readonly removeUser: (id: UserId) => Change
    /** What a role carries in one workspace. A role nobody set carries nothing. */
    readonly setRole: (workspaceId: WorkspaceId, role: Role, capabilities: ReadonlyArray<Capability>) => Change
    /** One role for each member of a workspace. */
    readonly setMembership: (workspaceId: WorkspaceId, userId: UserId, role: Role) => Change
    readonly removeMembership: (workspaceId: WorkspaceId, userId: UserId) => Change
    /** Setting a tenant with another workspace moves it there. */
    readonly setTenant: (tenant: TenantFact) => Change
    readonly removeTenant: (id: TenantId) => Change
    readonly setEntitlement: (userId: UserId, tenantId: TenantId) => Change
    readonly removeEntitlement: (userId: UserId, tenantId: TenantId) => Change
    readonly setConnection: (connection: ConnectionFact) => Change
    readonly removeConnection: (id: ProviderConnectionId) => Change
    readonly setWriteGate: (gate: WriteGateFact) => Change
    readonly removeWriteGate: (tenantId: TenantId) => Change
    readonly setPrerequisite: (prerequisite: PrerequisiteFact) => Change
    readonly removePrerequisite: (name: PrerequisiteName, workspaceId: WorkspaceId, tenantId: TenantId | null) => Change
  }
>()("@countersign/adapters/testing/AuthorityBook") {}
