/** What a decision saw, in words (contract, sections 5 and 9). */
import { type DecisionRecord, decide, factsInWords, NOTHING_KNOWN, type Snapshot } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import {
  connection,
  decisionId,
  otherPrerequisite,
  otherTenantId,
  otherWorkspaceId,
  prerequisite,
  requirements,
  runId,
  snapshotWith,
  subject,
  tenantId,
  workspaceId
} from "./support/fixtures.ts"

const record = (snapshot: Snapshot): DecisionRecord => ({
  id: decisionId(1),
  runId: runId(1),
  attempt: 1,
  admission: 1,
  decidedAtMillis: snapshot.takenAtMillis,
  epoch: 1,
  sources: { tenant: "tenants" },
  decision: decide(snapshot),
  snapshot
})

const seenIn = (snapshot: Snapshot) =>
  Object.fromEntries(factsInWords(record(snapshot)).map(({ about, seen }) => [about, seen]))

describe("the facts in words", () => {
  it("name each fact, what was seen of it, and its source", () => {
    const told = factsInWords(record(snapshotWith()))
    assert.deepStrictEqual(
      told.map(({ about, seen, source }) => [about, seen, source]),
      [
        ["Workspace", "open", null],
        ["Initiator", "active", null],
        ["Membership and permission", "member, with restore.execute", null],
        ["State of the tenant", "active", "tenants"],
        ["Access to the tenant", "yes", null],
        ["Provider connection", "enabled, connected", null],
        ["Write gate", "ok, checked 1 s before", null],
        ["Prerequisites", "maintenance_window: satisfied", null]
      ]
    )
  })

  it("say so where nothing is known", () => {
    assert.deepStrictEqual(seenIn(snapshotWith(NOTHING_KNOWN)), {
      Workspace: "not known",
      Initiator: "not known",
      "Membership and permission": "no member",
      "State of the tenant": "not known",
      "Access to the tenant": "no",
      "Provider connection": "not known",
      "Write gate": "never checked",
      Prerequisites: "maintenance_window: not known"
    })
  })

  it("show why a target that is somebody else's was denied, and do not name whose it is", () => {
    const tenant = { id: tenantId, workspaceId: otherWorkspaceId, state: "active" }
    const seen = seenIn(snapshotWith({ tenant, connection: { ...connection, tenantId: otherTenantId } }))
    assert.strictEqual(seen["State of the tenant"], "active, in another workspace")
    assert.strictEqual(seen["Provider connection"], "enabled, connected, of another tenant")
  })

  it("tell of every prerequisite that is asked for, as the decision takes it, and of no other", () => {
    const ours = { name: prerequisite, workspaceId, tenantId, satisfied: true }
    const asked = { ...requirements, prerequisites: [prerequisite, otherPrerequisite] }
    const with_ = (prerequisites: Snapshot["facts"]["prerequisites"]) =>
      seenIn(snapshotWith({ prerequisites }, { requirements: asked })).Prerequisites
    assert.strictEqual(with_([ours]), "maintenance_window: satisfied, quota: not known")
    assert.strictEqual(
      with_([ours, { ...ours, satisfied: false }, { ...ours, name: otherPrerequisite, tenantId: otherTenantId }]),
      "maintenance_window: not satisfied, quota: not known"
    )
  })

  it("leave out what the decision did not ask about", () => {
    const nothing = { ...requirements, capability: null, providerConnection: false, writes: false, prerequisites: [] }
    const scope = { ...subject.scope, tenantId: null }
    assert.deepStrictEqual(seenIn(snapshotWith({}, { requirements: nothing, subject: { ...subject, scope } })), {
      Workspace: "open",
      Initiator: "active",
      "Membership and permission": "member"
    })
  })
})
