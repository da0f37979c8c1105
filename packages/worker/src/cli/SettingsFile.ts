/** The settings file: JSON, every key known, paths relative to the file. */
import { SecretName } from "@countersign/domain"
import { Effect, Option, Path, Schema } from "effect"
import { LIMIT_RANGES, type WorkerLimits } from "../WorkerOptions.ts"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { READ_MAX_BYTES, textOfFile } from "./TextSource.ts"

/** A whole number within the limit's range, or from another least on. */
const Whole = (limit: keyof WorkerLimits, least = LIMIT_RANGES[limit].least) =>
  Schema.Int.check(Schema.isBetween({ minimum: least, maximum: LIMIT_RANGES[limit].most }))

/** The shortest poll that the command line takes, in milliseconds. */
export const POLL_LEAST_MILLIS = 10
/** The shortest lease that it takes, in milliseconds. */
export const LEASE_LEAST_MILLIS = 1_000

/** How a worker works; in milliseconds. */
export const WorkerSettings = Schema.Struct({
  concurrency: Schema.optionalKey(Whole("concurrency")),
  pollMillis: Schema.optionalKey(Whole("pollMillis", POLL_LEAST_MILLIS)),
  leaseMillis: Schema.optionalKey(Whole("leaseMillis", LEASE_LEAST_MILLIS)),
  drainMillis: Schema.optionalKey(Whole("drainMillis")),
  name: Schema.optionalKey(Schema.NonEmptyString)
})
export type WorkerSettings = typeof WorkerSettings.Type

/** The channels that the binary knows. */
export const ChannelName = Schema.Literals(["inbox", "log", "email", "webhook"])
export type ChannelName = typeof ChannelName.Type

/** Where notices go. Secrets are in the environment alone. */
export const NoticeSettings = Schema.Struct({
  channels: Schema.optionalKey(Schema.NonEmptyArray(ChannelName)),
  email: Schema.optionalKey(
    Schema.Struct({ from: Schema.NonEmptyString, name: Schema.optionalKey(Schema.NonEmptyString) })
  ),
  webhook: Schema.optionalKey(Schema.Struct({ url: Schema.NonEmptyString, secret: SecretName }))
})
export type NoticeSettings = typeof NoticeSettings.Type

/** What a settings file may hold. */
export const SettingsFile = Schema.Struct({
  database: Schema.optionalKey(Schema.NonEmptyString),
  data: Schema.optionalKey(Schema.NonEmptyString),
  schema: Schema.optionalKey(Schema.NonEmptyString),
  factsSchema: Schema.optionalKey(Schema.NonEmptyString),
  app: Schema.optionalKey(Schema.NonEmptyString),
  worker: Schema.optionalKey(WorkerSettings),
  notices: Schema.optionalKey(NoticeSettings)
})
export type SettingsFile = typeof SettingsFile.Type

/** Read when nobody names another. */
export const DEFAULT_FILE = "countersign.json"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(SettingsFile), { onExcessProperty: "error" })

/** The settings of this file, or of {@link DEFAULT_FILE} when there is one and no other is named. */
export const readSettingsFile = Effect.fn("readSettingsFile")(function* (
  named: Option.Option<string>
): Effect.fn.Return<SettingsFile, CliFailure, Path.Path> {
  const path = yield* Path.Path
  const file = Option.getOrElse(named, () => DEFAULT_FILE)
  const text = yield* textOfFile(file, {
    tooLarge: () => tooLarge(file),
    unreadable: (isMissing) => (isMissing ? missing(file) : unreadable(file))
  }).pipe(
    Effect.catchIf(
      ({ code }) => Option.isNone(named) && code === NOT_FOUND,
      () => Effect.succeed("{}")
    )
  )
  const settings = yield* Effect.mapError(decode(text), ({ message }) =>
    cliFailure("settings.invalid", `the settings file ${file} is not valid`, message.split("\n").join(" "))
  )
  const folder = path.dirname(path.resolve(file))
  return {
    ...settings,
    ...(settings.data === undefined ? {} : { data: path.resolve(folder, settings.data) }),
    ...(settings.app === undefined ? {} : { app: path.resolve(folder, settings.app) })
  }
})

const NOT_FOUND = "settings.not_found"

const missing = (file: string): CliFailure =>
  cliFailure(
    NOT_FOUND,
    `the settings file ${file} does not exist`,
    "check the path given as --config or COUNTERSIGN_CONFIG"
  )

const unreadable = (file: string): CliFailure =>
  cliFailure("settings.unreadable", `the settings file ${file} cannot be read`, "check that it is a file you may read")

const tooLarge = (file: string): CliFailure =>
  cliFailure(
    "settings.too_large",
    `the settings file ${file} has more than ${READ_MAX_BYTES} bytes`,
    "check the path given as --config or COUNTERSIGN_CONFIG"
  )
