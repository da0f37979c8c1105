/** Changes of facts for tests: a person who may act in a world, and everything that can happen to that. */
import { Capability, PrerequisiteName, Role } from "@countersign/domain"
import { Effect } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import type { World } from "./World.ts"

const ROLE = Role.make("operator")

/** Makes this world and its person known, with nothing but a bare role. */
export const joined = (world: World) =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    const { workspaceId, tenantId, userId, connectionId } = world
    yield* book.setWorkspace({ id: workspaceId, open: true })
    yield* book.setRole(workspaceId, ROLE, [])
    yield* book.setUser({ id: userId, name: "Ada", disabled: false })
    yield* book.setMembership(workspaceId, userId, ROLE)
    yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
    yield* book.setEntitlement(userId, tenantId)
    yield* book.setConnection({ id: connectionId, workspaceId, tenantId, enabled: true, connected: true })
  })

/** Every change there is, of facts that are about this world. */
export const changes = ({ workspaceId, tenantId, userId, connectionId, atMillis }: World) =>
  Effect.map(AuthorityBook, (book) => ({
    setWorkspace: book.setWorkspace({ id: workspaceId, open: false }),
    setUser: book.setUser({ id: userId, name: "Ada", disabled: true }),
    setRole: book.setRole(workspaceId, ROLE, [Capability.make("act")]),
    setMembership: book.setMembership(workspaceId, userId, Role.make("readonly")),
    setTenant: book.setTenant({ id: tenantId, workspaceId, state: "archived" }),
    removeEntitlement: book.removeEntitlement(userId, tenantId),
    setEntitlement: book.setEntitlement(userId, tenantId),
    setConnection: book.setConnection({ id: connectionId, workspaceId, tenantId, enabled: false, connected: true }),
    removeConnection: book.removeConnection(connectionId),
    setWriteGate: book.setWriteGate({ tenantId, health: "ok", checkedAtMillis: atMillis }),
    removeWriteGate: book.removeWriteGate(tenantId),
    setPrerequisite: book.setPrerequisite({
      name: PrerequisiteName.make("licence"),
      workspaceId,
      tenantId,
      satisfied: true
    }),
    removePrerequisite: book.removePrerequisite(PrerequisiteName.make("licence"), workspaceId, tenantId),
    removeMembership: book.removeMembership(workspaceId, userId),
    removeTenant: book.removeTenant(tenantId),
    removeWorkspace: book.removeWorkspace(workspaceId)
  }))
