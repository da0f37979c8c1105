/** `Facts` in memory: reads the book that `MemoryAuthority` writes. */
import {
  type AuthorityFacts,
  type Capability,
  type FactSources,
  Facts,
  type FactsRequest,
  initiatorOf,
  type MembershipFact,
  type PrerequisiteFact,
  type UserId,
  type WorkspaceId
} from "@countersign/domain"
import { Effect, HashMap, Layer, Option } from "effect"
import { AuthorityTables } from "./AuthorityTables.ts"
import { MemoryState } from "./MemoryState.ts"

const { key } = AuthorityTables

const SOURCES: FactSources = Object.freeze({
  workspace: "memory",
  tenant: "memory",
  initiator: "memory",
  membership: "memory",
  entitlement: "memory",
  connection: "memory",
  writeGate: "memory",
  prerequisites: "memory"
})

/** What is known under this id; null when nothing is, or when the run names none. */
const known = <K, V>(table: HashMap.HashMap<K, V>, id: K | null): V | null =>
  id === null ? null : Option.getOrNull(HashMap.get(table, id))

const membershipOf = (
  book: AuthorityTables,
  workspaceId: WorkspaceId,
  userId: UserId,
  asked: Capability | null
): MembershipFact | null => {
  const membership = known(book.memberships, key(workspaceId, userId))
  if (membership === null) return null
  const carried = known(book.roles, key(workspaceId, membership.role)) ?? []
  return { workspaceId, userId, capabilities: carried.filter((capability) => capability === asked) }
}

const prerequisitesOf = (
  book: AuthorityTables,
  { subject: { scope }, requirements }: FactsRequest
): ReadonlyArray<PrerequisiteFact> =>
  (requirements?.prerequisites ?? [])
    .map((name) => known(book.prerequisites, key(name, scope.workspaceId, scope.tenantId)))
    .filter((fact) => fact !== null)

const factsFor = (book: AuthorityTables, request: FactsRequest): AuthorityFacts => {
  const { scope, authority } = request.subject
  const { workspaceId, tenantId, providerConnectionId } = scope
  const userId = initiatorOf(authority)
  const user = known(book.users, userId)
  return {
    workspace: known(book.workspaces, workspaceId),
    tenant: known(book.tenants, tenantId),
    initiator: user === null ? null : { id: user.id, disabled: user.disabled },
    membership:
      userId === null ? null : membershipOf(book, workspaceId, userId, request.requirements?.capability ?? null),
    entitlement: userId === null ? null : known(book.entitlements, key(userId, tenantId)),
    connection: known(book.connections, providerConnectionId),
    writeGate: known(book.writeGates, tenantId),
    prerequisites: prerequisitesOf(book, request)
  }
}

/** Answers from the book as the surrounding unit of work sees it, or as it is committed. Never fails. */
export const layerFacts: Layer.Layer<Facts, never, MemoryState> = Layer.effect(
  Facts,
  Effect.map(MemoryState, ({ look }) =>
    Facts.of({
      read: (requests) =>
        look(({ authority }) =>
          requests.map((request) => ({ facts: factsFor(authority, request), fenced: true, sources: SOURCES }))
        )
    })
  )
)
