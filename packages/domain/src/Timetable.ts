/**
 * When a schedule fires: a cron expression on the wall clock of a time zone, turned into instants. Parsing and the calendar are
 * `effect/Cron`'s; what a wall-clock time means where clocks are set forward or back is decided here.
 *
 * **Details**
 *
 * - Hours are restricted (`30 2 * * *`): each local time is due once. One that comes twice is due the first time; what falls into a
 *   gap is due once, at the first instant after the gap.
 * - Hours are not restricted (`0 * * * *`): it goes by elapsed time, through a repeated hour and past a gap, so that what is to
 *   happen every five minutes does.
 *
 * Contract section 8; laws `slots_are_strictly_increasing`, `every_slot_is_on_the_wall_clock`, `no_slot_is_left_out`.
 */
import { Cron, DateTime, Option, Result, Schema } from "effect"

/** Why no timetable can be made of what was given. */
export const TimetableProblem = Schema.Literals(["cron_invalid", "zone_unknown", "never_fires"])
export type TimetableProblem = typeof TimetableProblem.Type

/** A cron expression or a zone that makes no sense; `advice` says what is wrong and what to do, for a person. */
export class TimetableInvalid extends Schema.TaggedError<TimetableInvalid>()("TimetableInvalid", {
  problem: TimetableProblem,
  advice: Schema.String
}) {
  override get message() {
    return this.advice
  }
}

/** A cron expression and the zone of its wall clock, understood. */
export interface Timetable {
  /**
   * The first slot strictly after an instant, in epoch milliseconds; null when there is none within eight years: the longest
   * that leap days lie apart.
   */
  readonly nextAfter: (afterMillis: number) => number | null
}

const MINUTE_MILLIS = 60_000
const DAY_MILLIS = 24 * 60 * MINUTE_MILLIS
/** From a leap day to the next one over the end of a century that is none, in milliseconds. */
export const HORIZON_MILLIS = 8 * 366 * DAY_MILLIS

const MACROS: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"]
])

const invalid = (problem: TimetableProblem, advice: string) => Result.fail(new TimetableInvalid({ problem, advice }))

/** Understands an expression of five fields, or a macro such as `@daily`, in an IANA time zone. */
const parse = (cron: string, zone: string): Result.Result<Timetable, TimetableInvalid> => {
  const named = DateTime.zoneMakeNamed(zone)
  if (Option.isNone(named)) {
    return invalid("zone_unknown", `the time zone “${zone}” is not known: name one such as Europe/Berlin, or UTC`)
  }
  const text = cron.trim()
  const fields = MACROS.get(text.toLowerCase()) ?? text
  if (fields.startsWith("@")) {
    return invalid("cron_invalid", `“${text}” is no macro: there are ${[...MACROS.keys()].join(", ")}`)
  }
  if (fields.split(/\s+/).length !== 5) {
    return invalid(
      "cron_invalid",
      `“${text}” is no cron expression: write minute, hour, day of month, month and weekday, as in “30 2 * * 1-5”`
    )
  }
  return Result.match(Cron.parse(fields, "UTC"), {
    onFailure: ({ message }) => invalid("cron_invalid", `“${text}” is no cron expression: ${lowered(message)}`),
    onSuccess: (calendar) => Result.succeed(timetableOf(calendar, named.value))
  })
}

const lowered = (message: string): string => `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`

/** The first slot after that instant, or why there is none. */
const firstSlot = (
  cron: string,
  zone: string,
  afterMillis: number
): Result.Result<{ readonly timetable: Timetable; readonly nextSlotMillis: number }, TimetableInvalid> =>
  Result.flatMap(parse(cron, zone), (timetable) => {
    const nextSlotMillis = timetable.nextAfter(afterMillis)
    return nextSlotMillis === null
      ? invalid("never_fires", `“${cron}” does not fire within eight years: no such day comes; correct day and month`)
      : Result.succeed({ timetable, nextSlotMillis })
  })

const timetableOf = (calendar: Cron.Cron, zone: DateTime.TimeZone): Timetable => {
  const isEveryHour = calendar.hours.size === 0 || calendar.hours.size === 24
  const search = isEveryHour ? nextElapsed : nextLocal
  return {
    nextAfter: (afterMillis) => {
      const next = search(calendar, zone, afterMillis)
      return next === null || next - afterMillis > HORIZON_MILLIS ? null : next
    }
  }
}

/**
 * The next wall-clock time after one, as milliseconds that a clock of UTC would show; null when none is found. The calendar is asked
 * in UTC, where no clock is ever set: near a change of offset `Cron.next` may pass over the nearest match.
 */
const nextWall = (calendar: Cron.Cron, wallMillis: number): number | null =>
  Option.getOrNull(Option.liftThrowable(() => Cron.next(calendar, wallMillis).getTime())())

const offsetAt = (zone: DateTime.TimeZone, atMillis: number): number =>
  DateTime.zonedOffset(DateTime.makeZonedUnsafe(atMillis, { timeZone: zone }))

/** The first instant after `fromMillis` with another offset; there is one change of offset by `untilMillis`. */
const changeWithin = (zone: DateTime.TimeZone, fromMillis: number, untilMillis: number): number => {
  const offset = offsetAt(zone, fromMillis)
  let [before, after] = [fromMillis, untilMillis]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(zone, middle) === offset) before = middle
    else after = middle
  }
  return after
}

/** The instant a wall-clock time is due: the first of two, or the end of the gap it falls into. Grows with the wall clock. */
const instantOf = (zone: DateTime.TimeZone, wallMillis: number): number => {
  const options = { timeZone: zone, adjustForTimeZone: true, disambiguation: "earlier" } as const
  const at = DateTime.makeZonedUnsafe(wallMillis, options).epochMilliseconds
  return at + offsetAt(zone, at) === wallMillis ? at : changeWithin(zone, at, at + DAY_MILLIS)
}

/** Each local time once. In the second of two equal hours the first matches lie behind, and are passed. */
const nextLocal = (calendar: Cron.Cron, zone: DateTime.TimeZone, afterMillis: number): number | null => {
  let wallMillis = nextWall(calendar, afterMillis + offsetAt(zone, afterMillis))
  while (wallMillis !== null) {
    const at = instantOf(zone, wallMillis)
    if (at > afterMillis) return at
    wallMillis = nextWall(calendar, wallMillis)
  }
  return null
}

/** Every instant whose wall clock matches: the stretch up to the next change of offset is searched first, then what follows it. */
const nextElapsed = (calendar: Cron.Cron, zone: DateTime.TimeZone, afterMillis: number): number | null => {
  let fromMillis = afterMillis
  for (;;) {
    const offset = offsetAt(zone, fromMillis + 1)
    const wallMillis = nextWall(calendar, fromMillis + offset)
    if (wallMillis === null) return null
    const at = wallMillis - offset
    const untilMillis = Math.min(at, fromMillis + DAY_MILLIS)
    if (offsetAt(zone, untilMillis) !== offset) fromMillis = changeWithin(zone, fromMillis + 1, untilMillis) - 1
    else if (at === untilMillis) return at
    // Nothing matches before: a day ahead of the match, changes of offset are looked for again.
    else fromMillis = Math.max(untilMillis, at - 2 * DAY_MILLIS)
  }
}

export const Timetable = { parse, firstSlot }
