/** A schedule through its life: what each change does to it, and nothing beside (contract, section 8). */
import {
  advanced,
  type DueSlots,
  isActive,
  MissedSlots,
  nextSlots,
  paused,
  resumed,
  type Schedule,
  ScheduleId,
  ScheduleState,
  scheduleInWords,
  transferred
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { operationType, otherUserId, subject, userId } from "./support/fixtures.ts"

const at = (iso: string) => Date.parse(`${iso}Z`)
const NOON = at("2026-01-01T12:00")
const THREE = at("2026-01-02T03:00")
const NEXT_THREE = at("2026-01-03T03:00")

const nightly: Schedule = {
  id: ScheduleId.make("nightly"),
  operationType,
  scope: subject.scope,
  payload: null,
  cron: "0 3 * * *",
  zone: "UTC",
  missed: MissedSlots.cases.Skip.make({}),
  createdBy: { id: userId, name: "Ada" },
  createdAtMillis: NOON,
  owner: { id: userId, name: "Ada" },
  state: ScheduleState.cases.Active.make({ nextSlotMillis: THREE }),
  lastSlotMillis: null,
  problem: null,
  revision: 1
}

const activeOf = (schedule: Schedule) => (isActive(schedule) ? schedule : assert.fail("its clock runs"))
const dealtWith = (schedule: Schedule, due: Partial<DueSlots>, problem: string | null = null) =>
  advanced(activeOf(schedule), {
    due: { run: [], missed: 0, nextSlotMillis: NEXT_THREE, ...due },
    problem,
    nowMillis: THREE
  })
const onward = ScheduleState.cases.Active.make({ nextSlotMillis: NEXT_THREE })

describe("a schedule", () => {
  it("goes on behind what was dispatched, and remembers the newest of it", () => {
    assert.deepStrictEqual(dealtWith(nightly, { run: [THREE - 1, THREE] }), {
      ...nightly,
      state: onward,
      lastSlotMillis: THREE,
      revision: 2
    })
  })

  it("goes on behind what was not, and keeps why until something is dispatched", () => {
    const failed = dealtWith(nightly, { run: [THREE] }, "the payload does not fit")
    const problem = { atMillis: THREE, message: "the payload does not fit" }
    assert.deepStrictEqual(failed, { ...nightly, state: onward, problem, revision: 2 })
    assert.deepStrictEqual(scheduleInWords(failed), { label: "Active — the payload does not fit", tone: "warning" })
    // Slots that are missed and not run say nothing about it.
    assert.deepStrictEqual(dealtWith(failed, { missed: 3 }).problem, problem)
    assert.isNull(dealtWith(failed, { run: [THREE] }).problem)
  })

  it("that has no next slot is paused, and says why", () => {
    const over = dealtWith(nightly, { run: [THREE], nextSlotMillis: null })
    assert.deepStrictEqual(over.state, ScheduleState.cases.Paused.make({ sinceMillis: THREE }))
    assert.strictEqual(over.lastSlotMillis, THREE)
    assert.match(over.problem?.message ?? "", /no other slot/)
  })

  it("is paused and resumed with the first slot after that, and changes only when it changes", () => {
    const stopped = paused(nightly, NOON)
    const state = ScheduleState.cases.Paused.make({ sinceMillis: NOON })
    assert.deepStrictEqual(stopped, { ...nightly, state, revision: 2 })
    assert.strictEqual(paused(stopped, NOON + 1), stopped)
    assert.deepStrictEqual(nextSlots(stopped, 3), [])
    const again = Result.getOrThrow(resumed(stopped, THREE))
    assert.deepStrictEqual(again, { ...nightly, state: onward, revision: 3 })
    assert.deepStrictEqual(resumed(again, THREE + 1), Result.succeed(again))
    const never = resumed({ ...stopped, cron: "0 0 30 2 *" }, NOON)
    assert.strictEqual(Result.isFailure(never) && never.failure.problem, "never_fires")
  })

  it("is answered for by another person, and was made by the same", () => {
    const owner = { id: otherUserId, name: null }
    assert.deepStrictEqual(transferred(nightly, owner), { ...nightly, owner, revision: 2 })
  })

  it("tells its next slots, as far as its expression and its zone are understood", () => {
    assert.deepStrictEqual(nextSlots(nightly, 1), [THREE])
    assert.deepStrictEqual(nextSlots(nightly, 2), [THREE, NEXT_THREE])
    assert.deepStrictEqual(nextSlots({ ...nightly, zone: "Nowhere/Atlantis" }, 2), [THREE])
  })
})
