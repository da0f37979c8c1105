/** The log, on standard error: a line for people, or a JSON object for machines. Stack traces only at level debug. */
import { Cause, type Layer, Logger, LogLevel, Record as Records, References, Result } from "effect"
import { messageOf } from "../messageOf.ts"
import { printable } from "./render/Style.ts"

const stackOf = (part: unknown): string | undefined => {
  if (Cause.isCause(part)) return Cause.pretty(part)
  return part instanceof Error ? part.stack : undefined
}

/** Handlers log whatever they like, and none of it may throw: a log must not stop the work that it is about. */
const shown = (part: unknown, withStack: boolean): string =>
  Result.getOrElse(
    Result.try(
      () => (withStack ? stackOf(part) : undefined) ?? messageOf(Cause.isCause(part) ? Cause.squash(part) : part)
    ),
    () => messageOf(part)
  )

/** As JSON; told in words where JSON cannot hold it, such as a BigInt or a circle. */
const jsonOf = (record: Readonly<Record<string, unknown>>): string =>
  Result.getOrElse(
    Result.try(() => JSON.stringify(record)),
    () => JSON.stringify(Records.map(record, (value) => shown(value, false)))
  )

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
  // An annotation that is called `message` must not be taken for the message.
  return jsonOf({ ...rest, ...annotations, ...rest })
})

/** The only logger of the command line. */
export const layerLog = (json: boolean): Layer.Layer<never> =>
  Logger.layer([Logger.withConsoleError(json ? forMachines : forPeople)])
