/** A cell of the matrix: a family and one change, for a person, a tenant and a connection of their own, of which all else is in order. */
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

/** Who and what one cell is about. All but the workspace are nobody else's; and the workspace too, where the change is about it. */
export interface Cell {
  readonly family: Family
  readonly change: Change
  /** Carries what the family requires. */
  readonly role: Role
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId
  readonly otherTenantId: TenantId
  readonly userId: UserId
  readonly connectionId: ProviderConnectionId
}

export const changeWindow = PrerequisiteName.make("change_window_open")

/** `part` sets the cells of one play apart from those of another on the same store. */
export const cellOf = (part: string, family: Family, change: Change): Cell => {
  const id = (what: string) => `${what} of ${part}: ${family.operation.type}, ${change.told}`
  const ofTheWorkspace = change.ofTheWorkspace ? id("workspace") : `workspace of ${part}`
  return {
    family,
    change,
    role: Role.make(`does ${family.operation.type}`),
    workspaceId: WorkspaceId.make(ofTheWorkspace),
    tenantId: TenantId.make(id("tenant")),
    otherTenantId: TenantId.make(id("another tenant")),
    userId: UserId.make(id("user")),
    connectionId: ProviderConnectionId.make(id("connection"))
  }
}

/** The workspaces of these cells, open, with the roles of their families. */
export const settleWorkspaces = Effect.fnUntraced(function* (cells: ReadonlyArray<Cell>) {
  const book = yield* AuthorityBook
  const settled = new Set<string>()
  for (const { workspaceId, role, family } of cells) {
    if (!settled.has(workspaceId)) yield* book.setWorkspace({ id: workspaceId, open: true })
    if (!settled.has(workspaceId + role)) yield* book.setRole(workspaceId, role, requiredBy(family))
    settled.add(workspaceId).add(workspaceId + role)
  }
})

/** Every other fact in favour of the cell's run; the same facts for the system's run as for a person's. */
export const settle = Effect.fnUntraced(function* (cell: Cell) {
  const book = yield* AuthorityBook
  const { workspaceId, role, tenantId, userId, connectionId } = cell
  yield* book.setUser({ id: userId, name: "Ada", disabled: false })
  yield* book.setMembership(workspaceId, userId, role)
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
