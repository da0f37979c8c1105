/** Who may look at what (contract, section 9). */
import {
  type AuthorityFacts,
  Capability,
  Catalogue,
  everyViewCapability,
  Operation,
  OperationType,
  type ViewedScope,
  type Viewing,
  viewCapabilitiesFor,
  viewingOf,
  viewOf,
  viewQuestions,
  visibleTypes
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import fc from "fast-check"
import { effort } from "../support/effort.ts"
import { otherTenantId, otherUserId, otherWorkspaceId, tenantId, userId, workspaceId } from "../support/fixtures.ts"

const audit = Capability.make("runs.audit")
const restores = Capability.make("restores.view")

const ofWorkspace: ViewedScope = { workspaceId, tenantId: null }
const ofTenant: ViewedScope = { workspaceId, tenantId }

/** A member of the workspace, entitled to the tenant, who may audit. */
const known: AuthorityFacts = {
  workspace: { id: workspaceId, open: true },
  tenant: { id: tenantId, workspaceId, state: "active" },
  initiator: { id: userId, disabled: false },
  membership: { workspaceId, userId, capabilities: [audit] },
  entitlement: { userId, tenantId },
  connection: null,
  writeGate: null,
  prerequisites: []
}

const viewing = (scope: ViewedScope, facts: AuthorityFacts, capabilities: ReadonlyArray<Capability> = []): Viewing =>
  viewingOf(viewOf(viewQuestions(userId, scope, capabilities).map((request) => ({ request, facts }))), capabilities)

describe("who may look", () => {
  it("a member entitled to the tenant, with the capability the type asks for", () => {
    assert.strictEqual(viewing(ofTenant, known), "visible")
    assert.strictEqual(viewing(ofTenant, known, [audit]), "visible")
    assert.strictEqual(viewing(ofWorkspace, { ...known, entitlement: null }), "visible")
    assert.strictEqual(viewing(ofTenant, known, [restores]), "forbidden")
    assert.strictEqual(viewing(ofTenant, known, [audit, restores]), "forbidden")
  })

  it("a closed workspace and a tenant that is gone can be looked at", () => {
    assert.strictEqual(viewing(ofTenant, { ...known, workspace: { id: workspaceId, open: false } }), "visible")
    assert.strictEqual(viewing(ofTenant, { ...known, tenant: null }), "visible")
  })

  it("who is disabled looks at nothing, whatever they are entitled to", () => {
    assert.strictEqual(viewing(ofTenant, { ...known, initiator: { id: userId, disabled: true } }), "hidden")
  })

  it("without an answer there is nothing to see", () => assert.strictEqual(viewingOf(viewOf([]), []), "hidden"))
})

/** What is known in a few ways: rightly, about somebody or something else, or not at all. */
const anyFacts = fc.record<AuthorityFacts>({
  workspace: fc.constantFrom(
    known.workspace,
    { id: workspaceId, open: false },
    { id: otherWorkspaceId, open: true },
    null
  ),
  tenant: fc.constantFrom(known.tenant, null),
  initiator: fc.constantFrom(
    known.initiator,
    { id: userId, disabled: true },
    { id: otherUserId, disabled: false },
    null
  ),
  membership: fc.constantFrom(
    known.membership,
    { workspaceId, userId, capabilities: [] },
    { workspaceId: otherWorkspaceId, userId, capabilities: [audit, restores] },
    { workspaceId, userId: otherUserId, capabilities: [audit, restores] },
    { workspaceId, userId, capabilities: [audit, restores] },
    null
  ),
  entitlement: fc.constantFrom(
    known.entitlement,
    { userId, tenantId: otherTenantId },
    { userId: otherUserId, tenantId },
    null
  ),
  connection: fc.constant(null),
  writeGate: fc.constant(null),
  prerequisites: fc.constant([])
})
const anyScope = fc.constantFrom(ofWorkspace, ofTenant)
const anyCapabilities = fc.subarray([audit, restores])

const RANK: Readonly<Record<Viewing, number>> = { hidden: 0, forbidden: 1, visible: 2 }

describe("laws", () => {
  it("losing_a_fact_never_shows_more", () => {
    fc.assert(
      fc.property(
        anyScope,
        anyFacts,
        anyCapabilities,
        fc.constantFrom("workspace", "initiator", "membership", "entitlement"),
        (scope, facts, capabilities, lost) => {
          const before = viewing(scope, facts, capabilities)
          assert.isAtMost(RANK[viewing(scope, { ...facts, [lost]: null }, capabilities)], RANK[before])
        }
      ),
      { numRuns: effort.runs(500) }
    )
  })

  it("a_stranger_learns_nothing: what is asked for does not show that there is something", () => {
    fc.assert(
      fc.property(anyScope, anyFacts, anyCapabilities, (scope, facts, capabilities) => {
        const { workspace, initiator, membership, entitlement } = facts
        const isSomebody = initiator !== null && initiator.id === userId && !initiator.disabled
        const isMember = membership?.userId === userId && membership.workspaceId === workspaceId
        const isEntitled =
          scope.tenantId === null || (entitlement?.userId === userId && entitlement.tenantId === scope.tenantId)
        const isStranger = workspace?.id !== workspaceId || !isSomebody || !isMember || !isEntitled
        assert.strictEqual(viewing(scope, facts, capabilities) === "hidden", isStranger)
      }),
      { numRuns: effort.runs(500) }
    )
  })

  it("asking for more never shows more", () => {
    fc.assert(
      fc.property(anyScope, anyFacts, anyCapabilities, (scope, facts, capabilities) => {
        const all = viewing(scope, facts, [audit, restores])
        assert.isAtMost(RANK[all], RANK[viewing(scope, facts, capabilities)])
      }),
      { numRuns: effort.runs(500) }
    )
  })
})

describe("what looking takes", () => {
  const declared = (type: string, viewCapability?: string) =>
    Operation.make({ type, payload: Schema.Void, result: Schema.Void, ...(viewCapability && { viewCapability }) })
  const catalogue = Catalogue.make([
    declared("sync"),
    declared("restore", "restores.view"),
    declared("erase", "runs.audit"),
    declared("wipe", "runs.audit")
  ])
  const type = (name: string) => OperationType.make(name)

  it("is what the type declares, and of an undeclared type all that any type declares", () => {
    assert.deepStrictEqual(viewCapabilitiesFor(catalogue, type("sync")), [])
    assert.deepStrictEqual(viewCapabilitiesFor(catalogue, type("restore")), [restores])
    assert.deepStrictEqual(viewCapabilitiesFor(catalogue, type("withdrawn")), [restores, audit])
    assert.deepStrictEqual(viewCapabilitiesFor(Catalogue.make([]), type("withdrawn")), [])
    assert.deepStrictEqual(everyViewCapability(catalogue), [restores, audit])
  })

  it("a list names the types one may look at, or leaves out no type at all", () => {
    assert.deepStrictEqual(visibleTypes(catalogue, new Set()), [type("sync")])
    assert.deepStrictEqual(visibleTypes(catalogue, new Set([audit])), ["sync", "erase", "wipe"].map(type))
    assert.isNull(visibleTypes(catalogue, new Set([audit, restores])))
  })
})
