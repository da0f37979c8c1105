/** `countersign pause`, `countersign resume`, `countersign pauses`: what is not to be taken for a while. */
import { describeScope, type Pause, Pauses } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { pauseRuns, resumeRuns } from "../../Pausing.ts"
import { loadApp } from "../AppModule.ts"
import { answer, tell } from "../Reply.ts"
import { pauseAsJson } from "../render/runJson.ts"
import { printable } from "../render/Style.ts"
import { cell, renderTable } from "../render/table.ts"
import { inUtc } from "../render/words.ts"
import { replying } from "../replying.ts"
import { readSettings, type Settings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

const scopeFlags = {
  operation: text("operation", "TYPE", "This operation; everywhere, unless a workspace is named as well").pipe(
    Flag.optional
  ),
  workspace: text("workspace", "ID", "This workspace; all its operations, unless one is named as well").pipe(
    Flag.optional
  ),
  by: text("by", "USER", "Who does it, for the record")
}

const scopeFrom = (given: {
  readonly operation: Option.Option<string>
  readonly workspace: Option.Option<string>
  readonly by: string
}) => ({
  operationType: Option.getOrNull(given.operation),
  workspaceId: Option.getOrNull(given.workspace),
  by: given.by
})

/** The operations that are declared, where an app says so. */
const catalogueOf = (named: string | null, settings: Settings) =>
  named === null && settings.app === null
    ? Effect.succeed(null)
    : Effect.map(loadApp(named, settings), ({ catalogue }) => catalogue)

const whoAndWhy = ({ by, reason, sinceMillis }: Pause): string =>
  printable(`since ${inUtc(sinceMillis)} UTC, by ${by}: ${reason}`)

/** Pauses. */
export const pause = Command.make(
  "pause",
  { ...scopeFlags, reason: text("reason", "TEXT", "Why, for whoever sees runs wait"), app: appFlag },
  (given) =>
    replying(
      Effect.gen(function* () {
        const settings = yield* readSettings
        const catalogue = yield* catalogueOf(Option.getOrNull(given.app), settings)
        const request = { ...scopeFrom(given), reason: given.reason }
        const { pause: inForce, wasPaused } = yield* withStore(settings, pauseRuns(request, catalogue))
        if (catalogue === null && inForce.scope.operationType !== null) {
          yield* tell("No app is named (--app): whether the operation is declared was not checked.")
        }
        const what = printable(describeScope(inForce.scope))
        yield* answer({
          json: () => [{ ...pauseAsJson(inForce), was_paused: wasPaused }],
          text: () => [
            wasPaused
              ? `Paused already: ${what}, ${whoAndWhy(inForce)}`
              : `Paused: ${what}. Its runs wait; what runs goes on.`
          ]
        })
      })
    )
).pipe(
  Command.withShortDescription("Pause an operation or a workspace"),
  Command.withDescription(
    "Pause an operation everywhere, a workspace, or an operation in one workspace. Queued runs wait and are not blocked; the time they may wait goes on. Work that runs goes on. What is paused already stays as it is."
  ),
  Command.withExamples([
    { command: 'countersign pause --operation inventory_sync --by ada --reason "the provider is down"' },
    { command: 'countersign pause --workspace north --by ada --reason "they are moving"' },
    { command: 'countersign pause --operation restore.execute --workspace north --by ada --reason "not before noon"' }
  ])
)

/** Resumes. */
export const resume = Command.make("resume", scopeFlags, (given) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const request = scopeFrom(given)
      const resuming = Effect.all([resumeRuns(request), Effect.flatMap(Pauses, (pauses) => pauses.list)])
      const [ended, left] = yield* withStore(settings, resuming)
      yield* answer({
        json: () => [{ resumed: ended === null ? null : pauseAsJson(ended), still_paused: left.map(pauseAsJson) }],
        text: () =>
          ended === null
            ? ["Nothing to resume: exactly this is not paused.", ...pausesInWords(left)]
            : [`Resumed: ${printable(describeScope(ended.scope))}, which was paused ${whoAndWhy(ended)}`]
      })
    })
  )
).pipe(
  Command.withShortDescription("Resume what was paused"),
  Command.withDescription(
    "Resume exactly what was paused: an operation, a workspace, or an operation in one workspace. Workers go on at once. Resuming what is not paused changes nothing."
  ),
  Command.withExamples([{ command: "countersign resume --operation inventory_sync --by ada" }])
)

const pausesInWords = (pauses: ReadonlyArray<Pause>): ReadonlyArray<string> =>
  pauses.length === 0
    ? ["Nothing is paused."]
    : pauses.map((one) => printable(`Paused is ${describeScope(one.scope)}, ${whoAndWhy(one)}`))

/** Lists. */
export const pauses = Command.make("pauses", {}, () =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const all = yield* withStore(
        settings,
        Effect.flatMap(Pauses, (port) => port.list)
      )
      yield* answer({
        json: () => all.map(pauseAsJson),
        text: (style) =>
          all.length === 0
            ? ["Nothing is paused."]
            : renderTable(
                {
                  columns: ["Operation", "Workspace", "Since (UTC)", "By", "Reason"],
                  rows: all.map(({ scope, sinceMillis, by, reason }) => [
                    cell(scope.operationType ?? "every"),
                    cell(scope.workspaceId ?? "every"),
                    cell(inUtc(sinceMillis)),
                    cell(by),
                    cell(reason)
                  ])
                },
                style
              )
      })
    })
  )
).pipe(
  Command.withShortDescription("List what is paused"),
  Command.withDescription("List what is paused, the oldest pause first, with who paused it and why."),
  Command.withExamples([{ command: "countersign pauses --json" }])
)
