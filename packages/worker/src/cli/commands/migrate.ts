/** `countersign migrate`: brings the database's schema to the version this program works with. */
import {
  CODE_VERSION,
  incompleteInWords,
  migrationScript,
  migrate as runMigrations,
  type SchemaState,
  schemaState
} from "@countersign/adapters"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { cliFailure } from "../CliFailure.ts"
import { answer, Reply, tell } from "../Reply.ts"
import { replying } from "../replying.ts"
import { readSettings, type Settings } from "../Settings.ts"
import { layerClient, placeOf } from "../Store.ts"

const flags = {
  print: Flag.Boolean("print").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Run nothing; print the SQL for psql, from --from on")
  ),
  from: Flag.Int("from").pipe(
    Flag.withMetavar("VERSION"),
    Flag.withDescription("With --print: the version the database has; 0 (nothing yet) unless given"),
    Flag.filter(
      (version) => version >= 0 && version <= CODE_VERSION,
      (version) => `must be from 0 to ${CODE_VERSION}, is ${version}`
    ),
    Flag.optional
  )
}

const versionOf = (state: SchemaState): number => (state._tag === "Missing" ? 0 : state.version)

const print = (settings: Settings, since: Option.Option<number>) =>
  Effect.gen(function* () {
    const from = Option.getOrElse(since, () => 0)
    const script = migrationScript(settings.schema, from)
    const { json } = yield* Reply
    yield* Console.log(json ? JSON.stringify({ from, to: CODE_VERSION, sql: script }) : script.trimEnd())
  })

const run = (settings: Settings) =>
  Effect.gen(function* () {
    const before = yield* Effect.catchIf(
      schemaState(settings.schema),
      ({ trouble }) => trouble === "schema_mismatch",
      () =>
        cliFailure(
          "schema.not_ours",
          `the schema ${settings.schema} holds tables that are not ours`,
          "give ours a schema of their own: --schema NAME"
        )
    )
    if (before._tag === "Ahead") {
      return yield* cliFailure(
        "schema.newer",
        `the schema ${settings.schema} has version ${before.version}, newer than version ${CODE_VERSION} of this program`,
        "use the newer countersign; schemas are never taken back"
      )
    }
    if (before._tag === "Incomplete") {
      const { problem, advice } = incompleteInWords(settings.schema, before.missing)
      return yield* cliFailure("schema.incomplete", problem, advice)
    }
    yield* tell(`Schema ${settings.schema}: version ${versionOf(before)}, wanted ${CODE_VERSION}`)
    const applied = yield* runMigrations(settings.schema)
    const from = versionOf(before)
    yield* answer({
      json: () => [{ schema: settings.schema, from, to: CODE_VERSION, applied: applied.map((one) => ({ ...one })) }],
      text: () => [
        ...applied.map(({ id, name }) => `${id} ${name}`),
        applied.length === 0
          ? `The schema ${settings.schema} is up to date at version ${CODE_VERSION}.`
          : `Migrated the schema ${settings.schema} from version ${from} to ${CODE_VERSION}.`
      ]
    })
  })

/** The command. */
export const migrate = Command.make("migrate", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      if (given.print) return yield* print(settings, given.from)
      if (Option.isSome(given.from)) {
        return yield* cliFailure(
          "argument.contradictory",
          "--from is for --print alone",
          "leave it out: what the database has is known, and migrated from there"
        )
      }
      const place = yield* placeOf(settings)
      yield* Effect.provide(run(settings), layerClient(place))
    })
  )
).pipe(
  Command.withShortDescription("Create the tables, or bring them to this program's version"),
  Command.withDescription(
    "Create the tables, or bring them to this program's version: all or nothing, and safe to run any number of times."
  ),
  Command.withExamples([
    { command: "countersign migrate", description: "In the database of DATABASE_URL" },
    {
      command: "countersign migrate --print > countersign.sql",
      description: "To read it, or hand it over; then psql --set ON_ERROR_STOP=1 --file countersign.sql"
    }
  ])
)
