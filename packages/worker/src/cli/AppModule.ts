/** Loading a host's app from a file. */
import { Effect, FileSystem, Layer, Path } from "effect"
import { type App, isApp } from "../App.ts"
import { messageOf } from "../messageOf.ts"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { unforeseen } from "./failures.ts"
import type { Settings } from "./Settings.ts"

const HOW =
  "export default defineApp({ operations: […], handlers: […] }) from it, with defineApp of @countersign/worker"

/** Loads the app of this file, or of the settings when no file is named. */
export const loadApp = Effect.fn("loadApp")(function* (
  named: string | null,
  settings: Settings
): Effect.fn.Return<App, CliFailure, FileSystem.FileSystem | Path.Path> {
  const file = named ?? settings.app
  if (file === null) {
    return yield* cliFailure(
      "app.not_named",
      "no app is named, so no operation is known here",
      "name the module that declares your operations: --app ./my-operations.ts (or COUNTERSIGN_APP, or “app” in countersign.json)"
    )
  }
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const found = yield* Effect.orElseSucceed(fs.stat(file), () => null)
  if (found?.type !== "File") {
    return yield* cliFailure("app.not_found", `there is no file ${file}`, "check the path given as --app")
  }
  const url = yield* Effect.orDie(path.toFileUrl(path.resolve(file)))
  const loaded = yield* Effect.tryPromise({
    try: (): Promise<Readonly<Record<string, unknown>>> => import(url.href),
    catch: (error) => cliFailure("app.broken", `the app ${file} could not be loaded`, whyNot(file, error))
  })
  return yield* appIn(file, loaded)
})

const appIn = (file: string, exports: Readonly<Record<string, unknown>>): Effect.Effect<App, CliFailure> => {
  const apps = Object.values(exports).filter(isApp)
  const distinct = new Set("default" in exports && isApp(exports.default) ? [exports.default] : apps)
  const [app, another] = distinct
  if (app === undefined) return Effect.fail(cliFailure("app.missing", `${file} exports no app`, HOW))
  return another === undefined
    ? Effect.succeed(app)
    : Effect.fail(cliFailure("app.ambiguous", `${file} exports several apps`, "make one of them the default export"))
}

/** The first lines of what the module threw say it; the stack is not ours to print, and says nothing of where a syntax is wrong. */
const whyNot = (file: string, error: unknown): string => {
  const text = messageOf(error).split("\n").slice(0, 3).join(" ").trim()
  return `${text === "" ? "it threw an error without a message" : text}; \`node ${file}\` shows where`
}

/** Asks the app's own source of facts, where it brings one, in place of the database's. */
export const withFactsOf = <A, E, R>(
  { facts }: App,
  use: Effect.Effect<A, E, R>
): Effect.Effect<A, E | CliFailure, R> =>
  facts === null
    ? use
    : Effect.scoped(
        Effect.flatMap(Effect.mapError(Layer.build(facts), brokenApp), (context) => Effect.provide(use, context))
      )

/** An app whose layers cannot be built. */
export const brokenApp = (error: unknown): CliFailure =>
  cliFailure("app.broken", "the app's own layers could not be built", unforeseen(error).problem)
