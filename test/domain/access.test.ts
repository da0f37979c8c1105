/** Access is what the first three checks say, and nothing else. */
import {
  accessFailure,
  actorBound,
  checks,
  decide,
  lackOfAccess,
  NOTHING_KNOWN,
  Snapshot,
  UserId
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { snapshotWith, tenantId, workspaceId } from "./support/fixtures.ts"

describe("access", () => {
  it.prop(
    "is missing exactly when one of the first three checks fails, for the first of them",
    [Snapshot],
    ([snapshot]) => {
      const failures = checks.slice(0, 3).flatMap(({ failureOf }) => failureOf(snapshot) ?? [])
      assert.deepStrictEqual(accessFailure(snapshot), failures[0] ?? null)
    }
  )

  it("does not ask whether it could run now", () => {
    const archived = snapshotWith({ tenant: { id: tenantId, workspaceId, state: "archived" }, writeGate: null })
    assert.strictEqual(decide(archived)._tag, "Denied")
    assert.isNull(accessFailure(archived))
  })

  it("says why in words about a person who asks, not about a run", () => {
    const failure = accessFailure(snapshotWith({ initiator: null }))
    assert(failure !== null)
    assert.strictEqual(lackOfAccess(failure), "nobody of this id is known")
    const nothing = accessFailure(snapshotWith(NOTHING_KNOWN))
    assert(nothing !== null)
    assert.strictEqual(lackOfAccess(nothing), "there is no such workspace")
    const { subject } = snapshotWith()
    const stranger = { ...snapshotWith(), subject: { ...subject, authority: actorBound(UserId.make("stranger")) } }
    assert.strictEqual(accessFailure(stranger)?.detail, "user_missing")
  })
})
