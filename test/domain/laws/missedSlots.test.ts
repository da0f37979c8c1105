/** What becomes of slots that nobody was there for, and that their runs' ids follow from them. */
import {
  CATCH_UP_MAX,
  COUNTED_MAX,
  dueSlots,
  MissedSlots,
  missedAsText,
  missedCountInWords,
  missedFromText,
  ScheduleId,
  slotRunId,
  Timetable
} from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Result, Schema } from "effect"
import { sha256Hex } from "../../../packages/adapters/src/digest/sha256.ts"

const MINUTE_MILLIS = 60_000
const START_MILLIS = Date.UTC(2026, 9, 24, 21)
const GRACE_MILLIS = 60_000
const CRONS = ["* * * * *", "*/7 * * * *", "30 2 * * *", "0 */6 * * *"] as const
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Story = Schema.Struct({
  cron: Schema.Literals(CRONS),
  policy: MissedSlots,
  /** How long nobody looks, again and again: seconds, from a clock that is on time to days away, also backwards. */
  absences: Schema.Array(between(-3_600, 2 * 86_400)).check(Schema.isMaxLength(4))
})

const timetableOf = (cron: string) => Result.getOrThrow(Timetable.parse(cron, "Europe/Berlin"))

describe("missed slots", { timeout: 120_000 }, () => {
  it.prop(
    "no_slot_is_due_twice, and missed_slots_follow_their_policy",
    [Story],
    ([{ cron, policy, absences }]) => {
      const timetable = timetableOf(cron)
      let next = timetable.nextAfter(START_MILLIS) ?? assert.fail("it fires")
      let nowMillis = START_MILLIS
      let latest = START_MILLIS
      for (const seconds of absences) {
        nowMillis += seconds * 1000
        const from = next
        const due = dueSlots(from, timetable, policy, nowMillis, GRACE_MILLIS)
        next = due.nextSlotMillis ?? assert.fail("it goes on")
        assert.isAbove(next, nowMillis)
        assert.isAtLeast(next, from)
        const all: Array<number> = []
        for (let slot: number | null = from; slot !== null && slot <= nowMillis; slot = timetable.nextAfter(slot)) {
          all.push(slot)
        }
        assert.strictEqual(due.missed, Math.min(all.length - due.run.length, COUNTED_MAX))
        const expected = {
          Skip: () => all.filter((slot) => slot >= nowMillis - GRACE_MILLIS),
          Once: () => all.slice(-1),
          All: () => all.slice(policy._tag === "All" ? -policy.limit : 0)
        }[policy._tag]()
        assert.deepStrictEqual(due.run, expected)
        for (const slot of due.run) {
          assert.isAbove(slot, latest)
          latest = slot
        }
      }
    },
    { arbitrary: { runs: 30 } }
  )

  it("years of absence are bounded work, and the newest slots are those that count", () => {
    const nowMillis = START_MILLIS + 3 * 365 * 86_400_000
    const dueWith = (policy: MissedSlots) =>
      dueSlots(START_MILLIS, timetableOf("* * * * *"), policy, nowMillis, GRACE_MILLIS)
    assert.deepStrictEqual(dueWith(MissedSlots.cases.All.make({ limit: 2 })), {
      run: [nowMillis - MINUTE_MILLIS, nowMillis],
      missed: COUNTED_MAX,
      nextSlotMillis: nowMillis + MINUTE_MILLIS
    })
    // However many are made up for, nobody is told of fewer than were missed.
    for (const policy of [MissedSlots.cases.Once.make({}), MissedSlots.cases.All.make({ limit: CATCH_UP_MAX })]) {
      assert.match(missedCountInWords(dueWith(policy).missed), /^at least 1000 slots were missed/)
    }
    assert.match(missedCountInWords(COUNTED_MAX - 1), /^999 slots/)
  })

  it.prop("a policy is read from its text", [MissedSlots], ([policy]) => {
    assert.deepStrictEqual(missedFromText(missedAsText(policy)), Option.some(policy))
  })

  it("what is no policy is none", () => {
    for (const text of ["", "ONCE", "all", "all:", "all:0", "all:101", "all:1e1", "all:-1", " skip"]) {
      assert.isTrue(Option.isNone(missedFromText(text)), text)
    }
  })

  it.prop(
    "a slot's run has one id, of the slot's instant, and no two slots share it",
    [ScheduleId, ScheduleId, between(0, 2 ** 47), Arbitrary.schema(between(1, 86_400_000))],
    ([one, other, slotMillis, later]) => {
      const id = slotRunId({ scheduleId: one, slotMillis }, sha256Hex)
      assert.strictEqual(id, slotRunId({ scheduleId: one, slotMillis }, sha256Hex))
      assert.strictEqual(Number.parseInt(id.replace("-", "").slice(0, 12), 16), slotMillis)
      assert.isBelow(id.localeCompare(slotRunId({ scheduleId: one, slotMillis: slotMillis + later }, sha256Hex)), 0)
      if (one !== other) assert.notStrictEqual(id, slotRunId({ scheduleId: other, slotMillis }, sha256Hex))
    }
  )
})
