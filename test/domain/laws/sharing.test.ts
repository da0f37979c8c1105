/** Decisions are values of a small finite set, made once and shared. */
import { decide } from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { snapshotWith } from "../support/fixtures.ts"

it("decisions are shared: deciding the same again makes nothing new", () => {
  for (const snapshot of [snapshotWith(), snapshotWith({ membership: null }), snapshotWith({ writeGate: null })]) {
    assert.strictEqual(decide(snapshot), decide(structuredClone(snapshot)))
  }
})
