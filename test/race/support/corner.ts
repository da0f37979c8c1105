/** Several workspaces, each with a person, a tenant and a connection, in which an inventory sync is legitimate. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { ProviderConnectionId, TenantId, UserId, WorkspaceId } from "@countersign/domain"
import { inventorySync, sampleRoles } from "@countersign/worker"
import { Effect } from "effect"
import { manager } from "../../worker/support/world.ts"

export interface Corner {
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId
  readonly initiator: UserId
  readonly providerConnectionId: ProviderConnectionId
}

/** Fills the book for this many workspaces. */
export const makeCorners = Effect.fnUntraced(function* (count: number) {
  const book = yield* AuthorityBook
  const corners: Array<Corner> = []
  for (let at = 0; at < count; at += 1) {
    const workspaceId = WorkspaceId.make(`workspace-${at}`)
    const tenantId = TenantId.make(`tenant-${at}`)
    const initiator = UserId.make(`user-${at}`)
    const providerConnectionId = ProviderConnectionId.make(`connection-${at}`)
    yield* book.setWorkspace({ id: workspaceId, open: true })
    yield* book.setUser({ id: initiator, name: `User ${at}`, disabled: false })
    for (const role of sampleRoles.roles) {
      yield* book.setRole(workspaceId, role, [...sampleRoles.capabilitiesOf(role)])
    }
    yield* book.setMembership(workspaceId, initiator, manager)
    yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
    yield* book.setEntitlement(initiator, tenantId)
    yield* book.setConnection({ id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true })
    corners.push({ workspaceId, tenantId, initiator, providerConnectionId })
  }
  return corners
})

let serial = 0
/** What is dispatched for a corner; each call is another run. */
export const syncOf = (corner: Corner) => ({
  ...corner,
  operation: inventorySync,
  payload: { scope: `shelf ${++serial}` }
})
