/** `explain` by example: what it shows of the facts behind a failing check. */
import {
  type AuthorityFacts,
  CheckKey,
  checks,
  dispatchAgainInWords,
  type Explanation,
  explain,
  NOTHING_KNOWN,
  type Snapshot,
  systemAuthority
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { answersTo } from "./support/answers.ts"
import {
  capability,
  otherPrerequisite,
  otherTenantId,
  otherWorkspaceId,
  prerequisite,
  requirements,
  snapshotWith,
  subject,
  tenantId,
  workspaceId
} from "./support/fixtures.ts"

const factBehind = (snapshot: Snapshot, code: string) => {
  const found = explain(snapshot).failing.find(({ failure }) => failure.code === code)
  if (found === undefined) assert.fail(`${code} is not in the way`)
  return found.fact
}
const { facts } = snapshotWith()

describe("the checks", () => {
  it("each asks one question, in words", () => {
    assert.deepStrictEqual(
      checks.map(({ key }) => key),
      [...CheckKey.literals]
    )
    for (const { asks } of checks) assert.match(asks, /^[A-Z].*\?$/)
  })

  it("an operation that nobody declares asks for no prerequisites; that it is not declared is another check's business", () => {
    const undeclared = snapshotWith({}, { requirements: null })
    assert.deepStrictEqual(answersTo(undeclared), [
      "passed",
      "passed",
      { code: "missing_capability", detail: "operation_unknown", about: null },
      { code: "tenant_not_operable", detail: "tenant_state", about: "unrecognised" },
      "not_applicable"
    ])
  })
})

describe("explain", () => {
  it("has nothing to say about a run that is allowed", () => {
    const explanation: Explanation = explain(snapshotWith())
    assert.deepStrictEqual(
      { ...explanation, decision: explanation.decision._tag },
      { decision: "Allowed", failing: [], remedy: { _tag: "NotNeeded" } }
    )
  })

  it("names every check that fails, not only the first", () => {
    const { decision, failing } = explain(snapshotWith(NOTHING_KNOWN))
    assert.strictEqual(decision._tag, "Denied")
    assert.deepStrictEqual(
      failing.map(({ check, failure }) => `${check}: ${failure.detail}`),
      [
        "workspace_scope: workspace_missing",
        "tenant_scope: tenant_missing",
        "capability: not_held",
        "tenant_operability: tenant_state",
        "execution_prerequisites: connection_missing"
      ]
    )
  })

  it("shows the fact behind each failure", () => {
    const workspace = { id: workspaceId, open: false }
    assert.deepStrictEqual(factBehind(snapshotWith({ workspace }), "workspace_mismatch"), {
      workspace,
      tenant: facts.tenant
    })
    for (const changed of [{ initiator: null }, { membership: null }] as const) {
      const code = "initiator" in changed ? "initiator_missing" : "initiator_not_entitled"
      assert.deepStrictEqual(factBehind(snapshotWith(changed), code), {
        initiator: facts.initiator,
        membership: facts.membership,
        ...changed
      })
    }
    assert.deepStrictEqual(factBehind(snapshotWith({ tenant: null }), "tenant_missing"), { tenant: null })
    const tenant = { id: tenantId, workspaceId, state: "archived" }
    assert.deepStrictEqual(factBehind(snapshotWith({ tenant }), "tenant_not_operable"), { tenant })
    assert.deepStrictEqual(factBehind(snapshotWith({ entitlement: null }), "tenant_not_entitled"), {
      entitlement: null
    })
    const membership = facts.membership && { ...facts.membership, capabilities: [] }
    assert.deepStrictEqual(factBehind(snapshotWith({ membership }), "missing_capability"), {
      operation: subject.operationType,
      requires: requirements,
      membership
    })
    assert.deepStrictEqual(factBehind(snapshotWith({ connection: null }), "provider_connection_invalid"), {
      connection: null
    })
    const writeGate = { tenantId, health: "failed", checkedAtMillis: 1 }
    assert.deepStrictEqual(factBehind(snapshotWith({ writeGate }), "write_gate_blocked"), { writeGate })
  })

  it("shows of the prerequisites only those the failure is about", () => {
    const ours = { name: prerequisite, workspaceId, tenantId, satisfied: false }
    const prerequisites: AuthorityFacts["prerequisites"] = [
      { ...ours, tenantId: otherTenantId },
      { ...ours, workspaceId: otherWorkspaceId },
      { ...ours, name: otherPrerequisite },
      ours
    ]
    const code = "execution_prerequisite_invalid"
    assert.deepStrictEqual(factBehind(snapshotWith({ prerequisites }), code), { prerequisites: [ours] })
    const quota = { ...ours, name: requirements.prerequisites[0] ?? prerequisite, satisfied: true }
    assert.deepStrictEqual(factBehind(snapshotWith({ prerequisites: [{ ...quota, tenantId: null }] }), code), {
      prerequisites: []
    })
  })

  it("proposes the changes in the order of the checks, each by name", () => {
    assert.deepStrictEqual(explain(snapshotWith(NOTHING_KNOWN)).remedy, {
      _tag: "ChangeFacts",
      changes: [
        { kind: "create_workspace", subject: "workspace" },
        { kind: "create_user", subject: "initiator" },
        { kind: "add_member", subject: "initiator" },
        { kind: "create_tenant", subject: "tenant" },
        { kind: "entitle_initiator", subject: "tenant" },
        { kind: "grant_capability", subject: "initiator" },
        { kind: "create_connection", subject: "connection" },
        { kind: "open_write_gate", subject: "tenant" },
        { kind: "satisfy_prerequisite", subject: "maintenance_window" }
      ]
    })
    assert.strictEqual(requirements.capability, capability)
  })

  it("an operation that nobody declares is to be declared first, and what it then asks is not known", () => {
    assert.deepStrictEqual(explain(snapshotWith({}, { requirements: null })).remedy, {
      _tag: "ChangeFacts",
      changes: [{ kind: "declare_operation", subject: "restore.execute" }]
    })
    const bySystem = { requirements: null, subject: { ...subject, authority: systemAuthority } }
    assert.deepStrictEqual(explain(snapshotWith({}, bySystem)).remedy, {
      _tag: "ChangeFacts",
      changes: [{ kind: "declare_operation", subject: "restore.execute" }]
    })
  })

  it("says so when no change could ever help, rather than looking for one for ever", () => {
    const impossible = { ...requirements, writeGateMaxAgeMillis: -1 }
    assert.throws(
      () => explain(snapshotWith({}, { requirements: impossible })),
      /^open_write_gate tenant mends nothing/
    )
  })

  it("where the run does not name what it needs, it has to be dispatched again", () => {
    const scope = { ...subject.scope, providerConnectionId: null }
    const { remedy } = explain(snapshotWith({}, { subject: { ...subject, scope } }))
    assert.deepStrictEqual(remedy, {
      _tag: "DispatchAgain",
      failure: { code: "provider_connection_invalid", detail: "connection_not_named", about: null }
    })
  })

  it("and is told what it has to name, not what to do about facts that nobody asks for", () => {
    const told = (scope: Partial<Snapshot["subject"]["scope"]>) => {
      const changed = { ...subject, scope: { ...subject.scope, ...scope } }
      const asked = { ...requirements, providerConnection: scope.tenantId !== null }
      const { remedy } = explain(snapshotWith({}, { subject: changed, requirements: asked }))
      return remedy._tag === "DispatchAgain" ? dispatchAgainInWords(remedy.failure) : assert.fail(remedy._tag)
    }
    assert.match(told({ providerConnectionId: null }), /choose a provider connection\.$/)
    assert.match(told({ tenantId: null }), /^Start the operation again for a tenant/)
  })
})
