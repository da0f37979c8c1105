/** What the commands go by: flags over environment over file. */
import { DEFAULT_SCHEMA, SchemaName } from "@countersign/adapters"
import { Config, Effect, type FileSystem, Option, type Path, Redacted, Schema } from "effect"
import type { GlobalFlag } from "effect/cli"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { ConfigFlag, DatabaseFlag, DataFlag, FactsSchemaFlag, SchemaFlag } from "./flags.ts"
import { type NoticeSettings, readSettingsFile, type SettingsFile, WorkerSettings } from "./SettingsFile.ts"

/** Where the data are. */
export type Place =
  | { readonly _tag: "Server"; readonly url: Redacted.Redacted }
  /** An embedded database; null keeps nothing. */
  | { readonly _tag: "Embedded"; readonly folder: string | null }

/** What flags, environment and file said together. */
export interface Settings {
  /** Null when nobody said. */
  readonly place: Place | null
  readonly schema: SchemaName
  /** Where facts are read from: the same schema, or the host's views. */
  readonly factsSchema: SchemaName
  readonly app: string | null
  readonly worker: WorkerSettings
  readonly notices: NoticeSettings
}

/** What reading the settings needs. */
export type SettingsSources =
  | GlobalFlag.Setting.Identifier<"config" | "database" | "data" | "schema" | "facts-schema">
  | FileSystem.FileSystem
  | Path.Path

/** Reads what the flags, the environment and the settings file say. */
export const readSettings: Effect.Effect<Settings, CliFailure, SettingsSources> = Effect.gen(function* () {
  const named = yield* firstOf(ConfigFlag, variable("COUNTERSIGN_CONFIG"))
  const file = yield* readSettingsFile(named)
  const schema = yield* firstOf(SchemaFlag, variable("COUNTERSIGN_SCHEMA"))
  const own = yield* schemaNamed(Option.getOrUndefined(schema) ?? file.schema ?? DEFAULT_SCHEMA)
  const factsSchema = yield* firstOf(FactsSchemaFlag, variable("COUNTERSIGN_FACTS_SCHEMA"))
  const app = yield* variable("COUNTERSIGN_APP")
  return {
    place: (yield* placeByFlag) ?? (yield* placeByVariable) ?? (yield* placeByFile(file)),
    schema: own,
    factsSchema: yield* schemaNamed(Option.getOrUndefined(factsSchema) ?? file.factsSchema ?? own),
    app: Option.getOrUndefined(app) ?? file.app ?? null,
    worker: { ...file.worker, ...(yield* workerFromVariables) },
    notices: file.notices ?? {}
  }
})

/** What the command line alone says, whatever environment and file say: for the demo, which has no business where those point to. */
export const readFlags: Effect.Effect<Pick<Settings, "place" | "schema">, CliFailure, SettingsSources> = Effect.gen(
  function* () {
    const schema = Option.getOrElse(yield* SchemaFlag, () => DEFAULT_SCHEMA)
    return { place: yield* placeByFlag, schema: yield* schemaNamed(schema) }
  }
)

/** A variable of the environment; one that is empty is not set. */
export const variable = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.option(Config.String(name)).pipe(Effect.map(Option.filter((value) => value !== "")), Effect.orDie)

const firstOf = <R1, R2>(
  first: Effect.Effect<Option.Option<string>, never, R1>,
  second: Effect.Effect<Option.Option<string>, never, R2>
) => Effect.zipWith(first, second, (one, other) => Option.orElse(one, () => other))

const placeFrom = Effect.fnUntraced(function* (
  names: string,
  database: Option.Option<string>,
  data: Option.Option<string>
): Effect.fn.Return<Place | null, CliFailure> {
  if (Option.isSome(database) && Option.isSome(data)) {
    return yield* cliFailure("settings.contradictory", `${names} name two databases`, "say only one of them")
  }
  if (Option.isSome(data)) {
    return data.value === ""
      ? yield* cliFailure("settings.invalid", "the data folder's name is empty", "name a folder, such as ./data")
      : { _tag: "Embedded", folder: data.value }
  }
  return Option.isNone(database) ? null : { _tag: "Server", url: Redacted.make(yield* postgresUrl(database.value)) }
})

const placeByFlag = Effect.gen(function* () {
  return yield* placeFrom("the flags --database and --data", yield* DatabaseFlag, yield* DataFlag)
})

const placeByVariable = Effect.gen(function* () {
  const [database, data] = [yield* variable("DATABASE_URL"), yield* variable("COUNTERSIGN_DATA")]
  return yield* placeFrom("the variables DATABASE_URL and COUNTERSIGN_DATA", database, data)
})

const placeByFile = ({ database, data }: SettingsFile) =>
  placeFrom(
    "“database” and “data” of the settings file",
    Option.fromUndefinedOr(database),
    Option.fromUndefinedOr(data)
  )

const URL_FORM = "it looks like postgres://user:password@host:5432/name"

const postgresUrl = (text: string): Effect.Effect<string, CliFailure> => {
  const url = URL.parse(text)
  return url !== null && ["postgres:", "postgresql:"].includes(url.protocol)
    ? Effect.succeed(text)
    : Effect.fail(cliFailure("settings.invalid", "the database's address is not a PostgreSQL URL", URL_FORM))
}

const schemaNamed = (name: string): Effect.Effect<SchemaName, CliFailure> =>
  Effect.mapError(Schema.decodeEffect(SchemaName)(name), () =>
    cliFailure(
      "settings.invalid",
      "the schema's name is not valid",
      "it has at most 40 letters, digits and underscores and does not begin with a digit"
    )
  )

const variableOf: Readonly<Record<keyof WorkerSettings, string>> = {
  concurrency: "COUNTERSIGN_CONCURRENCY",
  pollMillis: "COUNTERSIGN_POLL_MILLIS",
  leaseMillis: "COUNTERSIGN_LEASE_MILLIS",
  drainMillis: "COUNTERSIGN_DRAIN_MILLIS",
  name: "COUNTERSIGN_WORKER_NAME"
}

const numbered = Schema.decodeEffect(Schema.FiniteFromString)

const workerFromVariables: Effect.Effect<WorkerSettings, CliFailure> = Effect.gen(function* () {
  const given: Record<string, unknown> = {}
  for (const [key, name] of Object.entries(variableOf)) {
    const value = yield* variable(name)
    if (Option.isNone(value)) continue
    given[key] = key === "name" ? value.value : yield* Effect.orElseSucceed(numbered(value.value), () => value.value)
  }
  return yield* Effect.mapError(Schema.decodeEffect(WorkerSettings)(given), ({ message }) =>
    cliFailure(
      "settings.invalid",
      "a COUNTERSIGN_… variable for the worker is not valid",
      message.split("\n").join(" ")
    )
  )
})
