/** A small world of authority facts in which every operation of the sample catalogue is legitimate for Ada. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { PrerequisiteName, ProviderConnectionId, Role, TenantId, UserId, WorkspaceId } from "@countersign/domain"
import { sampleRoles } from "@countersign/worker"
import { Clock, Effect } from "effect"

export const workspaceId = WorkspaceId.make("ws-north")
export const tenantId = TenantId.make("tenant-contoso")
export const connectionId = ProviderConnectionId.make("conn-graph")
export const ada = UserId.make("ada")
export const changeWindow = PrerequisiteName.make("change_window_open")
export const manager = Role.make("manager")
export const readonly = Role.make("readonly")

/** Fills an empty book; Ada is a manager. */
export const settle = Effect.gen(function* () {
  const book = yield* AuthorityBook
  yield* book.setWorkspace({ id: workspaceId, open: true })
  yield* book.setUser({ id: ada, name: "Ada", disabled: false })
  for (const role of sampleRoles.roles) {
    yield* book.setRole(workspaceId, role, [...sampleRoles.capabilitiesOf(role)])
  }
  yield* book.setMembership(workspaceId, ada, manager)
  yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
  yield* book.setEntitlement(ada, tenantId)
  yield* book.setConnection({ id: connectionId, workspaceId, tenantId, enabled: true, connected: true })
  yield* book.setPrerequisite({ name: changeWindow, workspaceId, tenantId, satisfied: true })
  yield* setGate("ok")
})

/** Records the tenant's hardening health as checked just now. */
export const setGate = Effect.fnUntraced(function* (health: string) {
  const book = yield* AuthorityBook
  yield* book.setWriteGate({ tenantId, health, checkedAtMillis: yield* Clock.currentTimeMillis })
})

/** Ada's request for the tenant. */
export const byAda = {
  initiator: ada,
  initiatorName: "Ada",
  workspaceId,
  tenantId,
  providerConnectionId: connectionId
}
