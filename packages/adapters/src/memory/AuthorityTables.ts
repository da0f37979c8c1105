/** The authority facts the memory adapter keeps, with the epoch of each workspace. */
import type {
  Capability,
  ConnectionFact,
  EntitlementFact,
  PrerequisiteFact,
  ProviderConnectionId,
  Role,
  TenantFact,
  TenantId,
  UserId,
  WorkspaceFact,
  WorkspaceId,
  WriteGateFact
} from "@countersign/domain"
import { HashMap, Option } from "effect"

/** A person; `name` is for people and decides nothing. */
export interface MemoryUser {
  readonly id: UserId
  readonly name: string
  readonly disabled: boolean
}

/** The one role a member has in a workspace. */
export interface MemoryMembership {
  readonly workspaceId: WorkspaceId
  readonly userId: UserId
  readonly role: Role
}

/** The reference tables, as maps. */
export interface AuthorityTables {
  readonly workspaces: HashMap.HashMap<WorkspaceId, WorkspaceFact>
  readonly users: HashMap.HashMap<UserId, MemoryUser>
  /** By workspace and role. */
  readonly roles: HashMap.HashMap<string, ReadonlyArray<Capability>>
  /** By workspace and user. */
  readonly memberships: HashMap.HashMap<string, MemoryMembership>
  readonly tenants: HashMap.HashMap<TenantId, TenantFact>
  /** By user and tenant. */
  readonly entitlements: HashMap.HashMap<string, EntitlementFact>
  readonly connections: HashMap.HashMap<ProviderConnectionId, ConnectionFact>
  readonly writeGates: HashMap.HashMap<TenantId, WriteGateFact>
  /** By name, workspace and tenant. */
  readonly prerequisites: HashMap.HashMap<string, PrerequisiteFact>
  readonly epochs: HashMap.HashMap<WorkspaceId, number>
}

const empty: AuthorityTables = {
  workspaces: HashMap.empty(),
  users: HashMap.empty(),
  roles: HashMap.empty(),
  memberships: HashMap.empty(),
  tenants: HashMap.empty(),
  entitlements: HashMap.empty(),
  connections: HashMap.empty(),
  writeGates: HashMap.empty(),
  prerequisites: HashMap.empty(),
  epochs: HashMap.empty()
}

/** One text for several names, whatever characters they hold. */
const key = (...names: ReadonlyArray<string | null>): string => JSON.stringify(names)

/** How often the workspace's authority has changed; 0 for one that was never heard of. */
const epochOf = (tables: AuthorityTables, id: WorkspaceId): number =>
  Option.getOrElse(HashMap.get(tables.epochs, id), () => 0)

/** Moves the epochs of these workspaces. */
const moved = (tables: AuthorityTables, workspaces: Iterable<WorkspaceId>): AuthorityTables => ({
  ...tables,
  epochs: HashMap.mutate(tables.epochs, (epochs) => {
    for (const id of new Set(workspaces)) HashMap.set(epochs, id, epochOf(tables, id) + 1)
  })
})

/** Whose runs a fact about this user can concern: the workspaces that have them as a member. */
const workspacesOfUser = (tables: AuthorityTables, userId: UserId): ReadonlyArray<WorkspaceId> =>
  Array.from(HashMap.values(tables.memberships))
    .filter((membership) => membership.userId === userId)
    .map((membership) => membership.workspaceId)

/** Whose runs a fact about this tenant can concern: the workspace it belongs to, if it is known. */
const workspacesOfTenant = (tables: AuthorityTables, tenantId: TenantId): ReadonlyArray<WorkspaceId> =>
  Option.match(HashMap.get(tables.tenants, tenantId), {
    onNone: () => [],
    onSome: ({ workspaceId }) => [workspaceId]
  })

/** The same for a provider connection. */
const workspacesOfConnection = (tables: AuthorityTables, id: ProviderConnectionId): ReadonlyArray<WorkspaceId> =>
  Option.match(HashMap.get(tables.connections, id), {
    onNone: () => [],
    onSome: ({ workspaceId }) => [workspaceId]
  })

export const AuthorityTables = {
  empty,
  key,
  epochOf,
  moved,
  workspacesOfUser,
  workspacesOfTenant,
  workspacesOfConnection
}
