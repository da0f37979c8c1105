/** The log, on standard error: a line for people, or a JSON object for machines. Stack traces only at level debug. */
import { Cause, type Layer, Logger, LogLevel, References } from "effect"
import { printable } from "./render/Style.ts"

const shown = (part: unknown, withStack: boolean): string => {
  if (Cause.isCause(part)) return withStack ? Cause.pretty(part) : shown(Cause.squash(part), false)
  if (part instanceof Error) return withStack ? (part.stack ?? part.message) : part.message
  return typeof part === "string" ? part : (JSON.stringify(part) ?? String(part))
}

const partsOf = (message: unknown, cause: Cause.Cause<unknown>): ReadonlyArray<unknown> => [
  ...(Array.isArray(message) ? message : [message]),
  ...(cause.reasons.length === 0 ? [] : [cause])
]

const entry = ({ message, cause, date, logLevel, fiber }: Logger.Options<unknown>) => {
  const withStack = LogLevel.isLessThanOrEqualTo(fiber.getRef(References.MinimumLogLevel), "Debug")
  return {
    at: date.toISOString(),
    level: logLevel.toLowerCase(),
    message: partsOf(message, cause)
      .map((part) => shown(part, withStack))
      .join(": "),
    annotations: fiber.getRef(References.CurrentLogAnnotations)
  }
}

const forPeople = Logger.make((options) => {
  const { at, level, message, annotations } = entry(options)
  const particulars = Object.entries(annotations).map(([name, value]) => `${name}=${shown(value, false)}`)
  const lines = message.split("\n").map(printable).join("\n")
  return [at.slice(11, 19), level.padEnd(5), lines, ...particulars.map(printable)].join(" ")
})

const forMachines = Logger.make((options) => {
  const { annotations, ...rest } = entry(options)
  return JSON.stringify({ ...rest, ...annotations })
})

/** The only logger of the command line. */
export const layerLog = (json: boolean): Layer.Layer<never> =>
  Logger.layer([Logger.withConsoleError(json ? forMachines : forPeople)])
