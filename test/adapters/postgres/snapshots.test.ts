/** Snapshots as they are stored: fewer letters, and nothing less. */
import { type AuthorityFacts, Snapshot } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { CompactFacts, compactOf, expandedOf } from "../../../packages/adapters/src/postgres/CompactFacts.ts"
import { otherTenantId, otherUserId, otherWorkspaceId, snapshotWith, subject } from "../../domain/support/fixtures.ts"

const textOf = (snapshot: Snapshot) => JSON.stringify(compactOf(snapshot))
const read = Schema.decodeUnknownSync(Schema.fromJsonString(CompactFacts))

/** A snapshot as JSON can say it, which has one zero where numbers have two. */
const asJson = (snapshot: Snapshot): Snapshot =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Snapshot))(JSON.stringify(snapshot))

const assertKept = (snapshot: Snapshot) => {
  const { subject, requirements, facts } = asJson(snapshot)
  assert.deepStrictEqual(expandedOf(read(textOf(snapshot)), requirements), { subject, facts })
}

describe("compact facts", () => {
  it("say of what was asked about no more than what was found", () => {
    assert.strictEqual(
      textOf(snapshotWith()),
      '["restore.execute","initiator","workspace","tenant","connection",true,"active",false,true,true,[true,true],["ok",1789999999000],[["maintenance_window",true]]]'
    )
  })

  it("keep a fact about anything else whole", () => {
    const { facts } = snapshotWith()
    const elsewhere: ReadonlyArray<Partial<AuthorityFacts>> = [
      { workspace: facts.workspace && { ...facts.workspace, id: otherWorkspaceId } },
      { tenant: facts.tenant && { ...facts.tenant, id: otherTenantId } },
      { tenant: facts.tenant && { ...facts.tenant, workspaceId: otherWorkspaceId } },
      { initiator: facts.initiator && { ...facts.initiator, id: otherUserId } },
      { membership: facts.membership && { ...facts.membership, workspaceId: otherWorkspaceId } },
      { membership: facts.membership && { ...facts.membership, userId: otherUserId } },
      { membership: facts.membership && { ...facts.membership, capabilities: [] } },
      { entitlement: facts.entitlement && { ...facts.entitlement, tenantId: otherTenantId } },
      { entitlement: facts.entitlement && { ...facts.entitlement, userId: otherUserId } },
      { connection: facts.connection && { ...facts.connection, workspaceId: otherWorkspaceId } },
      { connection: facts.connection && { ...facts.connection, tenantId: null } },
      { writeGate: facts.writeGate && { ...facts.writeGate, tenantId: otherTenantId, checkedAtMillis: null } },
      { prerequisites: facts.prerequisites.map((fact) => ({ ...fact, tenantId: null })) }
    ]
    for (const changed of elsewhere) assertKept(snapshotWith(changed))
    const workspaceOnly = { ...subject, scope: { ...subject.scope, tenantId: null, providerConnectionId: null } }
    assertKept(snapshotWith({}, { subject: workspaceOnly }))
    assertKept(snapshotWith({}, { requirements: null }))
  })

  it.prop("of any snapshot at all nothing is lost", [Snapshot], ([snapshot]) => assertKept(snapshot))

  it.prop(
    "of any facts about what was asked nothing is lost",
    [Snapshot, Schema.Boolean, Schema.String],
    ([{ subject, requirements, ...snapshot }, flag, word]) => {
      const { workspaceId, tenantId, providerConnectionId: id } = subject.scope
      const userId = subject.authority._tag === "ActorBound" ? subject.authority.initiator : null
      assertKept({
        ...snapshot,
        subject,
        requirements,
        facts: {
          workspace: { id: workspaceId, open: flag },
          tenant: tenantId && { id: tenantId, workspaceId, state: word },
          initiator: userId && { id: userId, disabled: flag },
          membership: userId && {
            workspaceId,
            userId,
            capabilities: flag && requirements?.capability ? [requirements.capability] : []
          },
          entitlement: userId && tenantId && { userId, tenantId },
          connection: id && { id, workspaceId, tenantId, enabled: flag, connected: !flag },
          writeGate: tenantId && { tenantId, health: word, checkedAtMillis: flag ? snapshot.takenAtMillis : null },
          prerequisites: snapshot.facts.prerequisites.map((fact) => ({ ...fact, workspaceId, tenantId }))
        }
      })
    }
  )
})
