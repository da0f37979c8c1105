/**
 * Times as people say them: rounded down, so that nothing is said to have lasted longer than it did.
 *
 * Contract section 9.
 */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const some = (count: number, unit: string): string => `${count} ${unit}`

/** How long something lasted: "under a second", "12 s", "3 min 20 s", "2 h 5 min", "4 days". */
export const durationInWords = (millis: number): string => {
  if (millis < SECOND) return "under a second"
  if (millis < MINUTE) return some(Math.floor(millis / SECOND), "s")
  if (millis < HOUR) return two(millis, MINUTE, "min", SECOND, "s")
  if (millis < DAY) return two(millis, HOUR, "h", MINUTE, "min")
  const days = Math.floor(millis / DAY)
  return days === 1 ? "1 day" : some(days, "days")
}

const two = (millis: number, large: number, largeUnit: string, small: number, smallUnit: string): string => {
  const rest = Math.floor((millis % large) / small)
  const whole = some(Math.floor(millis / large), largeUnit)
  return rest === 0 ? whole : `${whole} ${some(rest, smallUnit)}`
}

/** How long ago something was, to the minute: "less than a minute ago", "3 min ago", "in 2 h" for what is still to come. */
export const agoInWords = (millis: number, nowMillis: number): string => {
  const passed = nowMillis - millis
  if (passed <= -MINUTE) return `in ${coarse(-passed)}`
  return passed < MINUTE ? "less than a minute ago" : `${coarse(passed)} ago`
}

const coarse = (millis: number): string => {
  if (millis < HOUR) return some(Math.floor(millis / MINUTE), "min")
  return millis < DAY ? some(Math.floor(millis / HOUR), "h") : durationInWords(millis)
}
