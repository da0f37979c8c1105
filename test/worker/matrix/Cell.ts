/** A cell of the matrix: a family and one change, in a workspace of their own where everything else is in order. */
import { AuthorityBook } from "@countersign/adapters/testing"
import {
  Capability,
  PrerequisiteName,
  ProviderConnectionId,
  Role,
  type RunId,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Countersign } from "@countersign/worker"
import { Clock, Effect } from "effect"
import type { Change } from "./changes.ts"
import type { Family } from "./families.ts"

/** Who and what one cell is about; nobody else's. */
export interface Cell {
  readonly family: Family
  readonly change: Change
  readonly workspaceId: WorkspaceId
  readonly elsewhere: WorkspaceId
  readonly tenantId: TenantId
  readonly otherTenantId: TenantId
  readonly userId: UserId
  readonly connectionId: ProviderConnectionId
}

/** The role that carries what the family requires, and one that carries nothing. */
export const operator = Role.make("operator")
export const readonly = Role.make("readonly")
export const changeWindow = PrerequisiteName.make("change_window_open")

/** `part` sets the cells of one play apart from those of another on the same store. */
export const cellOf = (part: string, family: Family, change: Change): Cell => {
  const id = (what: string) => `${what} of ${part}: ${family.operation.type}, ${change.told}`
  return {
    family,
    change,
    workspaceId: WorkspaceId.make(id("workspace")),
    elsewhere: WorkspaceId.make(id("another workspace")),
    tenantId: TenantId.make(id("tenant")),
    otherTenantId: TenantId.make(id("another tenant")),
    userId: UserId.make(id("user")),
    connectionId: ProviderConnectionId.make(id("connection"))
  }
}

/** Every fact in favour of the cell's run; the same facts for the system's run as for a person's. */
export const settle = Effect.fnUntraced(function* (cell: Cell) {
  const book = yield* AuthorityBook
  const { workspaceId, elsewhere, tenantId, userId, connectionId } = cell
  yield* book.setWorkspace({ id: workspaceId, open: true })
  yield* book.setWorkspace({ id: elsewhere, open: true })
  yield* book.setUser({ id: userId, name: "Ada", disabled: false })
  yield* book.setRole(workspaceId, operator, requiredBy(cell.family))
  yield* book.setRole(workspaceId, readonly, [])
  yield* book.setMembership(workspaceId, userId, operator)
  yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
  yield* book.setEntitlement(userId, tenantId)
  yield* book.setConnection({ id: connectionId, workspaceId, tenantId, enabled: true, connected: true })
  yield* book.setPrerequisite({ name: changeWindow, workspaceId, tenantId, satisfied: true })
  yield* book.setWriteGate({ tenantId, health: "ok", checkedAtMillis: yield* Clock.currentTimeMillis })
})

const requiredBy = ({ operation }: Family): ReadonlyArray<Capability> => {
  const { capability } = operation.requirements
  return capability === null ? [Capability.make("nothing anybody asks for")] : [capability]
}

/** Dispatches the cell's run while it is legitimate. */
export const dispatch = Effect.fnUntraced(function* ({ family, change, ...cell }: Cell) {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatchUntyped({
    ...(family.actor === null
      ? { systemAuthority: true, actorKind: "scheduled" }
      : { initiator: cell.userId, initiatorName: "Ada" }),
    operationType: family.operation.type,
    payload: family.payload,
    workspaceId: cell.workspaceId,
    tenantId: cell.tenantId,
    providerConnectionId: change.when === "dispatch" ? null : cell.connectionId
  })
  return run.dispatch.id satisfies RunId
})
