/** Decisions are values of a small finite set, made once and shared. */
import { decide, PrerequisiteName } from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { facts, requirements, snapshotWith, subject } from "../support/fixtures.ts"

it("decisions are shared: deciding the same again makes nothing new", () => {
  for (const snapshot of [
    snapshotWith(),
    snapshotWith({ membership: null }),
    snapshotWith({ writeGate: null }),
    snapshotWith({ prerequisites: [] }),
    snapshotWith({ prerequisites: facts.prerequisites.map((fact) => ({ ...fact, satisfied: false })) })
  ]) {
    assert.strictEqual(decide(snapshot), decide(structuredClone(snapshot)))
  }
})

it("of decisions that fail alike, those to which other checks apply are others", () => {
  const asked = {
    ...requirements,
    providerConnection: false,
    prerequisites: [PrerequisiteName.make("asked here alone")]
  }
  const { workspaceId } = subject.scope
  const nowhere = { ...subject, scope: { workspaceId, tenantId: null, providerConnectionId: null } }
  const withoutTenant = snapshotWith({}, { subject: nowhere, requirements: { ...asked, writes: false } })
  const withTenant = snapshotWith({}, { requirements: asked })
  for (const _ of ["made", "shared"]) {
    assert.strictEqual(decide(withoutTenant).checks.tenant_scope, "not_applicable")
    assert.strictEqual(decide(withTenant).checks.tenant_scope, "passed")
  }
})
