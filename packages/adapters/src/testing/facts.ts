/** Facts for tests: a book in which everything is in a person's favour, and every way to lose it. */
import {
  type AuthorityFacts,
  Capability,
  Facts,
  type FactsRequest,
  PrerequisiteName,
  type Requirements,
  Role,
  type Subject
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { CAPABILITY, requirementsOf } from "./rulings.ts"
import type { World } from "./World.ts"

const ROLE = Role.make("operator")
/** The prerequisite that {@link favoured} satisfies. */
export const PREREQUISITE = PrerequisiteName.make("licence")

/** A question about this subject, by an operation that also asks for {@link PREREQUISITE}. */
export const asking = (subject: Subject, given: Partial<Requirements> = {}): FactsRequest => ({
  subject,
  requirements: { ...requirementsOf(subject), prerequisites: [PREREQUISITE], ...given }
})

/** The facts that answer one question, each with its source. */
export const factsFor = (request: FactsRequest) =>
  Effect.gen(function* () {
    const [reading, ...more] = yield* (yield* Facts).read([request])
    assert.deepStrictEqual(more, [])
    assert(reading)
    for (const [fact, value] of Object.entries(reading.facts)) {
      if (value !== null && fact !== "prerequisites") assert.property(reading.sources, fact)
    }
    return reading.facts
  })

/** Sets every fact in favour of this subject's person, and answers with the facts that are now known. */
export const favoured = (subject: Subject, checkedAtMillis: number) =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    const { workspaceId, tenantId, providerConnectionId } = subject.scope
    yield* book.setWorkspace({ id: workspaceId, open: true })
    yield* book.setRole(workspaceId, ROLE, [CAPABILITY, Capability.make("not asked for")])
    if (tenantId !== null) {
      yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
      yield* book.setWriteGate({ tenantId, health: "ok", checkedAtMillis })
    }
    if (providerConnectionId !== null) {
      yield* book.setConnection({ id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true })
    }
    yield* book.setPrerequisite({ name: PREREQUISITE, workspaceId, tenantId, satisfied: true })
    const userId = subject.authority._tag === "ActorBound" ? subject.authority.initiator : null
    if (userId !== null) {
      yield* book.setUser({ id: userId, name: "Ada \u{1F9EE}", disabled: false })
      yield* book.setMembership(workspaceId, userId, ROLE)
      if (tenantId !== null) yield* book.setEntitlement(userId, tenantId)
    }
    const facts: AuthorityFacts = {
      workspace: { id: workspaceId, open: true },
      tenant: tenantId && { id: tenantId, workspaceId, state: "active" },
      initiator: userId && { id: userId, disabled: false },
      membership: userId && { workspaceId, userId, capabilities: [CAPABILITY] },
      entitlement: userId && tenantId && { userId, tenantId },
      connection: providerConnectionId && {
        id: providerConnectionId,
        workspaceId,
        tenantId,
        enabled: true,
        connected: true
      },
      writeGate: tenantId && { tenantId, health: "ok", checkedAtMillis },
      prerequisites: [{ name: PREREQUISITE, workspaceId, tenantId, satisfied: true }]
    }
    return facts
  })

/** One way to lose each fact, and what is known after it. */
export const losses = (world: World) =>
  Effect.map(AuthorityBook, (book): ReadonlyArray<readonly [Effect.Effect<void, unknown>, Partial<AuthorityFacts>]> => {
    const { workspaceId, tenantId, userId, connectionId } = world
    const connection = { id: connectionId, workspaceId, tenantId, enabled: false, connected: true }
    const bare = { workspaceId, userId, capabilities: [] }
    return [
      [book.setWorkspace({ id: workspaceId, open: false }), { workspace: { id: workspaceId, open: false } }],
      [book.removeWorkspace(workspaceId), { workspace: null }],
      [book.setUser({ id: userId, name: "Ada", disabled: true }), { initiator: { id: userId, disabled: true } }],
      [book.setRole(workspaceId, ROLE, []), { membership: bare }],
      [book.setMembership(workspaceId, userId, Role.make("a role nobody set")), { membership: bare }],
      [book.removeMembership(workspaceId, userId), { membership: null }],
      [
        book.setTenant({ id: tenantId, workspaceId, state: "archived" }),
        { tenant: { id: tenantId, workspaceId, state: "archived" } }
      ],
      [book.removeEntitlement(userId, tenantId), { entitlement: null }],
      [book.setConnection(connection), { connection }],
      [book.removeConnection(connectionId), { connection: null }],
      [
        book.setWriteGate({ tenantId, health: "degraded", checkedAtMillis: null }),
        { writeGate: { tenantId, health: "degraded", checkedAtMillis: null } }
      ],
      [book.removeWriteGate(tenantId), { writeGate: null }],
      [
        book.setPrerequisite({ name: PREREQUISITE, workspaceId, tenantId, satisfied: false }),
        { prerequisites: [{ name: PREREQUISITE, workspaceId, tenantId, satisfied: false }] }
      ],
      [book.removePrerequisite(PREREQUISITE, workspaceId, tenantId), { prerequisites: [] }]
    ]
  })
