/**
 * The book of authority facts: what a host's own tables would hold. For demos, tests and hosts that keep no facts elsewhere.
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
  TenantFact,
  TenantId,
  UserId,
  WorkspaceFact,
  WorkspaceId,
  WriteGateFact
} from "@countersign/domain"
import { Context, Effect, HashMap, Layer, Result } from "effect"
import { AuthorityTables, type MemoryUser } from "./AuthorityTables.ts"
import { MemoryState } from "./MemoryState.ts"
import { Tables } from "./Tables.ts"

type Change = Effect.Effect<void>

/**
 * Changes facts. Each change replaces what was known under the same key, moves the epoch of every workspace whose runs it
 * can concern, and waits for the unit of work in flight. Removing what is not there changes nothing.
 */
export class MemoryAuthority extends Context.Service<
  MemoryAuthority,
  {
    readonly setWorkspace: (workspace: WorkspaceFact) => Change
    readonly removeWorkspace: (id: WorkspaceId) => Change
    readonly setUser: (user: MemoryUser) => Change
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
>()("@countersign/adapters/memory/MemoryAuthority") {}

const { key, moved, workspacesOfConnection, workspacesOfTenant, workspacesOfUser } = AuthorityTables

/** The book behind the ports `Facts` and `Fence` of this adapter. */
export const layerMemoryAuthority: Layer.Layer<MemoryAuthority, never, MemoryState> = Layer.effect(
  MemoryAuthority,
  Effect.map(MemoryState, ({ change }) => {
    /** Changes the book and moves the epochs of the workspaces concerned, as they were before and as they are after. */
    const changing = (
      by: (book: AuthorityTables) => Partial<AuthorityTables>,
      concerned: (book: AuthorityTables) => ReadonlyArray<WorkspaceId>
    ): Change =>
      change((tables) => {
        const before = tables.authority
        const changed = by(before)
        // Nothing was there to be removed: the tables are those of before.
        if (Object.values(changed).every((table) => Object.values(before).includes(table))) {
          return Result.succeed([undefined, tables])
        }
        const after = { ...before, ...changed }
        const workspaces = new Set([...concerned(before), ...concerned(after)])
        // Runs that are held there may be asked about again.
        const arrivals = Tables.areHeldIn(tables, workspaces) ? tables.arrivals + 1 : tables.arrivals
        return Result.succeed([undefined, { ...tables, authority: moved(after, workspaces), arrivals }])
      })

    return MemoryAuthority.of({
      setWorkspace: (workspace) =>
        changing(
          ({ workspaces }) => ({ workspaces: HashMap.set(workspaces, workspace.id, workspace) }),
          () => [workspace.id]
        ),
      removeWorkspace: (id) =>
        changing(
          ({ workspaces }) => ({ workspaces: HashMap.remove(workspaces, id) }),
          () => [id]
        ),
      setUser: (user) =>
        changing(
          ({ users }) => ({ users: HashMap.set(users, user.id, user) }),
          (book) => workspacesOfUser(book, user.id)
        ),
      removeUser: (id) =>
        changing(
          ({ users }) => ({ users: HashMap.remove(users, id) }),
          (book) => workspacesOfUser(book, id)
        ),
      setRole: (workspaceId, role, capabilities) =>
        changing(
          ({ roles }) => ({ roles: HashMap.set(roles, key(workspaceId, role), capabilities) }),
          () => [workspaceId]
        ),
      setMembership: (workspaceId, userId, role) =>
        changing(
          ({ memberships }) => ({
            memberships: HashMap.set(memberships, key(workspaceId, userId), { workspaceId, userId, role })
          }),
          () => [workspaceId]
        ),
      removeMembership: (workspaceId, userId) =>
        changing(
          ({ memberships }) => ({ memberships: HashMap.remove(memberships, key(workspaceId, userId)) }),
          () => [workspaceId]
        ),
      setTenant: (tenant) =>
        changing(
          ({ tenants }) => ({ tenants: HashMap.set(tenants, tenant.id, tenant) }),
          (book) => workspacesOfTenant(book, tenant.id)
        ),
      removeTenant: (id) =>
        changing(
          ({ tenants }) => ({ tenants: HashMap.remove(tenants, id) }),
          (book) => workspacesOfTenant(book, id)
        ),
      setEntitlement: (userId, tenantId) =>
        changing(
          ({ entitlements }) => ({
            entitlements: HashMap.set(entitlements, key(userId, tenantId), { userId, tenantId })
          }),
          (book) => workspacesOfTenant(book, tenantId)
        ),
      removeEntitlement: (userId, tenantId) =>
        changing(
          ({ entitlements }) => ({ entitlements: HashMap.remove(entitlements, key(userId, tenantId)) }),
          (book) => workspacesOfTenant(book, tenantId)
        ),
      setConnection: (connection) =>
        changing(
          ({ connections }) => ({ connections: HashMap.set(connections, connection.id, connection) }),
          (book) => workspacesOfConnection(book, connection.id)
        ),
      removeConnection: (id) =>
        changing(
          ({ connections }) => ({ connections: HashMap.remove(connections, id) }),
          (book) => workspacesOfConnection(book, id)
        ),
      setWriteGate: (gate) =>
        changing(
          ({ writeGates }) => ({ writeGates: HashMap.set(writeGates, gate.tenantId, gate) }),
          (book) => workspacesOfTenant(book, gate.tenantId)
        ),
      removeWriteGate: (tenantId) =>
        changing(
          ({ writeGates }) => ({ writeGates: HashMap.remove(writeGates, tenantId) }),
          (book) => workspacesOfTenant(book, tenantId)
        ),
      setPrerequisite: (prerequisite) =>
        changing(
          ({ prerequisites }) => ({
            prerequisites: HashMap.set(
              prerequisites,
              key(prerequisite.name, prerequisite.workspaceId, prerequisite.tenantId),
              prerequisite
            )
          }),
          () => [prerequisite.workspaceId]
        ),
      removePrerequisite: (name, workspaceId, tenantId) =>
        changing(
          ({ prerequisites }) => ({ prerequisites: HashMap.remove(prerequisites, key(name, workspaceId, tenantId)) }),
          () => [workspaceId]
        )
    })
  })
)
