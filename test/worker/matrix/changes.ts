/** One change each, of everything a run's legitimacy rests on: the rows of the matrix. Facts change in the store's own tables. */
import { AuthorityBook } from "@countersign/adapters/testing"
import { type DetailCode, type ReasonCode, Role, type StoreUnavailable, WorkspaceId } from "@countersign/domain"
import { Clock, Effect } from "effect"
import { type Cell, changeWindow } from "./Cell.ts"

/**
 * When a change can happen. `any_time`: a fact, which may also change while the run is at work. `deploy`: what the worker's
 * catalogue declares, fixed for a worker's life. `dispatch`: the run never named what it needs.
 */
export type When = "any_time" | "deploy" | "dispatch"

/** One change, and the denial that the contract demands where it applies; null for the change that changes nothing. */
export interface Change {
  readonly told: string
  readonly when: When
  readonly denial: { readonly code: ReasonCode; readonly detail: DetailCode; readonly about: string | null } | null
  /** Whether it is about the workspace as a whole, so that no other cell may share it. */
  readonly ofTheWorkspace: boolean
  readonly make: (cell: Cell) => Effect.Effect<void, StoreUnavailable, AuthorityBook>
}

type Book = AuthorityBook["Service"]

const fact = (
  told: string,
  code: ReasonCode,
  detail: DetailCode,
  make: (book: Book, cell: Cell) => Effect.Effect<void, StoreUnavailable>,
  about: string | null = null
): Change => ({
  told,
  when: "any_time",
  denial: { code, detail, about },
  ofTheWorkspace: false,
  make: (cell) => Effect.flatMap(AuthorityBook, (book) => make(book, cell))
})

const noFact = (told: string, when: When, code: ReasonCode, detail: DetailCode): Change => ({
  told,
  when,
  denial: { code, detail, about: null },
  ofTheWorkspace: false,
  make: () => Effect.void
})

const ofTheWorkspace = (change: Change): Change => ({ ...change, ofTheWorkspace: true })

/** Nobody set it, so it carries nothing. */
const readonly = Role.make("readonly")
const elsewhere = WorkspaceId.make("another workspace")

const HOUR_MILLIS = 60 * 60 * 1000

const gate = (told: string, detail: DetailCode, health: string, ageMillis: number | null): Change =>
  fact(told, "write_gate_blocked", detail, (book, { tenantId }) =>
    Effect.flatMap(Clock.currentTimeMillis, (nowMillis) =>
      book.setWriteGate({ tenantId, health, checkedAtMillis: ageMillis === null ? null : nowMillis - ageMillis })
    )
  )

const state = (name: string, about: string): Change =>
  fact(
    `the tenant is ${name}`,
    "tenant_not_operable",
    "tenant_state",
    (book, { tenantId: id, workspaceId }) => book.setTenant({ id, workspaceId, state: name }),
    about
  )

const connection = (
  told: string,
  detail: DetailCode,
  changed: (cell: Cell) => Partial<Parameters<Book["setConnection"]>[0]>
): Change =>
  fact(told, "provider_connection_invalid", detail, (book, cell) => {
    const { connectionId: id, workspaceId, tenantId } = cell
    return book.setConnection({ id, workspaceId, tenantId, enabled: true, connected: true, ...changed(cell) })
  })

/** Every change, in the order of the contract's checks. */
export const changes = {
  nothing: { told: "nothing changes", when: "any_time", denial: null, ofTheWorkspace: false, make: () => Effect.void },

  workspaceRemoved: ofTheWorkspace(
    fact("the workspace is removed", "workspace_mismatch", "workspace_missing", (book, cell) =>
      book.removeWorkspace(cell.workspaceId)
    )
  ),
  workspaceClosed: ofTheWorkspace(
    fact("the workspace is closed", "workspace_mismatch", "workspace_closed", (book, cell) =>
      book.setWorkspace({ id: cell.workspaceId, open: false })
    )
  ),
  tenantMoved: fact("the tenant moves away", "workspace_mismatch", "tenant_elsewhere", (book, cell) =>
    book.setTenant({ id: cell.tenantId, workspaceId: elsewhere, state: "active" })
  ),
  userRemoved: fact("the person is removed", "initiator_missing", "user_missing", (book, cell) =>
    book.removeUser(cell.userId)
  ),
  userDisabled: fact("the person is disabled", "initiator_not_entitled", "user_disabled", (book, cell) =>
    book.setUser({ id: cell.userId, name: "Ada", disabled: true })
  ),
  memberLeft: fact("the person leaves the workspace", "initiator_not_entitled", "not_a_member", (book, cell) =>
    book.removeMembership(cell.workspaceId, cell.userId)
  ),

  tenantRemoved: fact("the tenant is removed", "tenant_missing", "tenant_missing", (book, cell) =>
    book.removeTenant(cell.tenantId)
  ),
  entitlementLost: fact("the person loses the tenant", "tenant_not_entitled", "not_entitled", (book, cell) =>
    book.removeEntitlement(cell.userId, cell.tenantId)
  ),

  roleChanged: fact("the person gets another role", "missing_capability", "not_held", (book, cell) =>
    book.setMembership(cell.workspaceId, cell.userId, readonly)
  ),
  roleEmptied: ofTheWorkspace(
    fact("the role loses the capability", "missing_capability", "not_held", (book, cell) =>
      book.setRole(cell.workspaceId, cell.role, [])
    )
  ),
  operationWithdrawn: noFact("the operation is withdrawn", "deploy", "missing_capability", "operation_unknown"),
  systemWithdrawn: noFact(
    "the declaration of system authority is withdrawn",
    "deploy",
    "missing_capability",
    "system_authority_not_declared"
  ),

  tenantDraft: state("draft", "draft"),
  tenantOnboarding: state("onboarding", "onboarding"),
  tenantArchived: state("archived", "archived"),
  tenantOdd: state("on fire", "unrecognised"),

  connectionNotNamed: noFact(
    "no connection was named",
    "dispatch",
    "provider_connection_invalid",
    "connection_not_named"
  ),
  connectionRemoved: fact(
    "the connection is removed",
    "provider_connection_invalid",
    "connection_missing",
    (book, cell) => book.removeConnection(cell.connectionId)
  ),
  connectionMoved: connection("the connection moves to another tenant", "connection_elsewhere", (cell) => ({
    tenantId: cell.otherTenantId
  })),
  connectionDisabled: connection("the connection is disabled", "connection_disabled", () => ({ enabled: false })),
  connectionLost: connection("the connection is lost", "connection_disconnected", () => ({ connected: false })),

  gateRemoved: fact("the gate's record is removed", "write_gate_blocked", "not_configured", (book, cell) =>
    book.removeWriteGate(cell.tenantId)
  ),
  gateNotConfigured: gate("the gate is not configured any more", "not_configured", "not_configured", 0),
  gateNeverChecked: gate("the gate was never checked", "not_configured", "ok", null),
  gateFailed: gate("the gate's check fails", "unhealthy", "failed", 0),
  gateDegraded: gate("the gate is degraded", "unhealthy", "degraded", 0),
  gateOdd: gate("the gate reports what nobody knows", "unhealthy", "fine, I think", 0),
  gateStale: gate("the gate's check is 25 hours old", "stale", "ok", 25 * HOUR_MILLIS),

  prerequisiteRemoved: fact(
    "nothing is known of the change window",
    "execution_prerequisite_invalid",
    "prerequisite_unknown",
    (book, cell) => book.removePrerequisite(changeWindow, cell.workspaceId, cell.tenantId),
    changeWindow
  ),
  prerequisiteUnsatisfied: fact(
    "the change window closes",
    "execution_prerequisite_invalid",
    "prerequisite_unsatisfied",
    (book, { workspaceId, tenantId }) =>
      book.setPrerequisite({ name: changeWindow, workspaceId, tenantId, satisfied: false }),
    changeWindow
  )
} satisfies Readonly<Record<string, Change>>

/** The name of a row. */
export type ChangeName = keyof typeof changes

/** Every row, in order. */
export const changeNames = Object.keys(changes).filter((name): name is ChangeName => name in changes)
