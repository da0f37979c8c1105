/**
 * Slots, held to a second way of finding them: minute by minute along real time, reading the wall clock from `Intl`. Windows of days
 * in which clocks are set, in zones that do it in every way there is.
 */
import { Timetable } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cron, Result, Schema } from "effect"

const MINUTE_MILLIS = 60_000
const DAY_MILLIS = 1440 * MINUTE_MILLIS

/** Zone and the day on which something happens to its clocks. */
const DAYS = [
  ["UTC", "2026-03-29"],
  ["Europe/Berlin", "2026-03-29"],
  ["Europe/Berlin", "2026-10-25"],
  ["America/New_York", "2026-03-08"],
  ["America/New_York", "2026-11-01"],
  // Half an hour.
  ["Australia/Lord_Howe", "2026-04-05"],
  ["Australia/Lord_Howe", "2026-10-04"],
  // At midnight: the hour that is skipped or repeated belongs to another day.
  ["Asia/Beirut", "2026-03-29"],
  ["Asia/Beirut", "2026-10-25"],
  // Three hours at once.
  ["Antarctica/Casey", "2023-03-09"],
  ["Asia/Kathmandu", "2026-01-01"]
] as const

interface Minute {
  readonly atMillis: number
  /** What the wall clock shows, as milliseconds of a clock of UTC. */
  readonly wallMillis: number
}

const wallOf = (zone: string) => {
  const format = new Intl.DateTimeFormat("en-u-hc-h23", {
    timeZone: zone,
    ...({ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const)
  })
  return (atMillis: number): number => {
    const parts = Object.fromEntries(format.formatToParts(atMillis).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute)
  }
}

const minutesAround = (zone: string, day: string): ReadonlyArray<Minute> => {
  const from = Date.parse(day) - DAY_MILLIS
  const wall = wallOf(zone)
  return Array.from({ length: 2 * 1440 }, (_, at) => {
    const atMillis = from + at * MINUTE_MILLIS
    return { atMillis, wallMillis: wall(atMillis) }
  })
}

const windows = DAYS.map(([zone, day]) => ({ zone, day, minutes: minutesAround(zone, day) }))

/** What the window holds after its first minute, found naively. */
const slotsIn = (minutes: ReadonlyArray<Minute>, cron: string): ReadonlyArray<number> => {
  const calendar = Cron.parseUnsafe(cron, "UTC")
  const isEveryHour = calendar.hours.size === 0 || calendar.hours.size === 24
  const slots: Array<number> = []
  let [latestWall] = minutes.map(({ wallMillis }) => wallMillis)
  for (const { atMillis, wallMillis } of minutes.slice(1)) {
    assert.isDefined(latestWall)
    if (isEveryHour) {
      if (Cron.match(calendar, wallMillis)) slots.push(atMillis)
      continue
    }
    // Everything the clock has not shown yet, this minute included: the gap is told at its end.
    let isDue = false
    for (let wall = latestWall + MINUTE_MILLIS; wall <= wallMillis; wall += MINUTE_MILLIS) {
      isDue ||= Cron.match(calendar, wall)
    }
    if (isDue) slots.push(atMillis)
    latestWall = Math.max(latestWall, wallMillis)
  }
  return slots
}

const slotsOf = (cron: string, zone: string, fromMillis: number, untilMillis: number): ReadonlyArray<number> => {
  const timetable = Result.getOrThrow(Timetable.parse(cron, zone))
  const slots: Array<number> = []
  for (let at = timetable.nextAfter(fromMillis); at !== null && at <= untilMillis; at = timetable.nextAfter(at)) {
    const last = slots.at(-1) ?? fromMillis
    assert.isAbove(at, last, `${cron} in ${zone} goes back`)
    slots.push(at)
  }
  return slots
}

const field = (...texts: ReadonlyArray<string>) => Arbitrary.schema(Schema.Literals(texts))
const expressions = Arbitrary.all([
  field("0", "30", "*/7", "0,15,59", "*", "5-20/5"),
  field("*", "*", "0-23", "2", "1-3", "*/2", "0", "23", "0,2,3"),
  field("*", "*", "*/2", "25", "29", "1-10"),
  field("*", "*", "3,10"),
  field("*", "*", "0", "7", "1-5")
]).pipe(Arbitrary.map((fields) => fields.join(" ")))

const window = Arbitrary.schema(Schema.Literals(windows.map((_, at) => at)))

describe("slots", { timeout: 120_000 }, () => {
  it.prop(
    "no_slot_is_left_out: they are those of a second way of finding them",
    [window, expressions],
    ([at, cron]) => {
      const found = windows[at]
      const [first, last] = [found?.minutes[0], found?.minutes.at(-1)]
      assert(found && first && last)
      const slots = slotsOf(cron, found.zone, first.atMillis, last.atMillis)
      assert.deepStrictEqual(slots, slotsIn(found.minutes, cron), `${cron} in ${found.zone} around ${found.day}`)
    },
    { arbitrary: { runs: 30 } }
  )

  it.prop(
    "slots_are_strictly_increasing: whatever instant is asked about, the answer is the first one after it",
    [window, expressions, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: DAY_MILLIS }))],
    ([at, cron, offsetMillis]) => {
      const found = windows[at]
      const first = found?.minutes[0]
      assert(found && first)
      const afterMillis = first.atMillis + offsetMillis
      const next = Result.getOrThrow(Timetable.parse(cron, found.zone)).nextAfter(afterMillis)
      const expected = slotsIn(found.minutes, cron).find((slot) => slot > afterMillis)
      if (expected === undefined) assert(next === null || next > (found.minutes.at(-1)?.atMillis ?? 0))
      else assert.strictEqual(next, expected, `${cron} in ${found.zone} around ${found.day}`)
    },
    { arbitrary: { runs: 30 } }
  )

  const iso = (cron: string, zone: string, from: string, until: string) =>
    slotsOf(cron, zone, Date.parse(from), Date.parse(until)).map((at) => new Date(at).toISOString().slice(0, 16))

  it("Berlin, spring: half past two does not come, and is due at three", () => {
    assert.deepStrictEqual(iso("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00Z", "2026-03-30T12:00Z"), [
      "2026-03-28T01:30",
      "2026-03-29T01:00",
      "2026-03-30T00:30"
    ])
    // Four times fall into the gap, and three o'clock itself: one slot.
    assert.deepStrictEqual(iso("*/15 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T01:59Z"), [
      "2026-03-29T01:00",
      "2026-03-29T01:15",
      "2026-03-29T01:30",
      "2026-03-29T01:45"
    ])
  })

  it("New York, autumn: half past one comes twice, and is due once; every half hour goes on", () => {
    const night = ["2026-11-01T04:00Z", "2026-11-01T07:30Z"] as const
    assert.deepStrictEqual(iso("30 1 * * *", "America/New_York", ...night), ["2026-11-01T05:30"])
    assert.deepStrictEqual(iso("*/30 * * * *", "America/New_York", ...night), [
      "2026-11-01T04:30",
      "2026-11-01T05:00",
      "2026-11-01T05:30",
      "2026-11-01T06:00",
      "2026-11-01T06:30",
      "2026-11-01T07:00",
      "2026-11-01T07:30"
    ])
  })

  it("Lord Howe sets its clocks by half an hour", () => {
    // 2026-04-05: at two the clock goes back to half past one. 2026-10-04: at two it goes on to half past two.
    assert.deepStrictEqual(iso("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-05T12:00Z"), [
      "2026-04-04T14:45"
    ])
    assert.deepStrictEqual(iso("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", "2026-10-04T12:00Z"), [
      "2026-10-03T15:30"
    ])
  })

  it("leap days come, also over the end of a century that is none; the 30th of February does not", () => {
    const next = (cron: string, after: string) =>
      Result.map(Timetable.firstSlot(cron, "UTC", Date.parse(after)), ({ nextSlotMillis }) =>
        new Date(nextSlotMillis).toISOString().slice(0, 10)
      )
    assert.deepStrictEqual(next("0 0 29 2 *", "2026-01-01"), Result.succeed("2028-02-29"))
    assert.deepStrictEqual(next("0 0 29 2 *", "2096-02-29T00:00Z"), Result.succeed("2104-02-29"))
    for (const never of ["0 0 30 2 *", "0 0 31 4,6,9,11 *"]) {
      const refused = next(never, "2026-01-01")
      assert(Result.isFailure(refused))
      assert.strictEqual(refused.failure.problem, "never_fires")
    }
  })

  it("what is no expression and what is no zone is refused with advice", () => {
    const problemOf = (cron: string, zone = "UTC") => {
      const parsed = Timetable.parse(cron, zone)
      return Result.isFailure(parsed) ? [parsed.failure.problem, parsed.failure.advice.length > 20] : "accepted"
    }
    for (const cron of [
      "",
      "*",
      "* * * *",
      "0 * * * * *",
      "60 * * * *",
      "* 24 * * *",
      "x * * * *",
      "@noon",
      "-1 * * * *"
    ]) {
      assert.deepStrictEqual(problemOf(cron), ["cron_invalid", true], cron)
    }
    for (const cron of ["*/61 * * * *", "*/0 * * * *", "5-1 * * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"]) {
      assert.deepStrictEqual(problemOf(cron), ["cron_invalid", true], cron)
    }
    for (const zone of ["", "Nowhere/Atlantis", "Berlin", "'; DROP TABLE", "Europe/Berlin\u0000"]) {
      assert.deepStrictEqual(problemOf("@daily", zone), ["zone_unknown", true], zone)
    }
    for (const cron of ["@daily", "@HOURLY", " 0  4 * jan,FEB mon-fri "])
      assert.strictEqual(problemOf(cron), "accepted")
  })
})
