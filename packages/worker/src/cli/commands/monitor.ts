/** `countersign monitor`: the pages about runs, until it is stopped. */
import { Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { loadApp } from "../AppModule.ts"
import { servePages } from "../pages.ts"
import { answer, tell } from "../Reply.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { Stop } from "../Stop.ts"
import { layerStoreAt, placeOf } from "../Store.ts"
import { viewerFlags, viewersOf } from "../viewers.ts"
import { appFlag } from "./appFlag.ts"

/** Where the pages are unless somebody says otherwise. */
export const DEFAULT_PORT = 4646

/** A port number. */
export const portFlag = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription(description),
    Flag.filter(
      (port) => Number.isSafeInteger(port) && port >= 0 && port <= 65_535,
      (port) => `must be from 0 to 65535, is ${port}`
    )
  )

const flags = {
  app: appFlag,
  port: portFlag("port", `Listen on this port, 0 for any that is free; ${DEFAULT_PORT} unless given`).pipe(
    Flag.withDefault(DEFAULT_PORT)
  ),
  host: Flag.String("host").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription("Listen on this address; only this machine unless given"),
    Flag.withDefault("127.0.0.1")
  ),
  ...viewerFlags
}

/** The command. */
export const monitor = Command.make("monitor", flags, ({ app: file, port, host, ...viewers }) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const app = yield* loadApp(Option.getOrNull(file), settings)
      const identity = yield* viewersOf(viewers)
      const ports = Layer.merge(layerStoreAt(yield* placeOf(settings), settings), identity)
      const serving = Effect.gen(function* () {
        const url = yield* servePages({ catalogue: app.catalogue, host, port })
        const stop = yield* Stop
        yield* stop.takeCharge
        yield* answer({ json: () => [{ url }], text: () => [url] })
        yield* tell("Ctrl-C ends it.")
        yield* Effect.asVoid(stop.requested)
      })
      yield* Effect.scoped(Effect.provide(serving, ports))
    })
  )
).pipe(
  Command.withShortDescription("Serve the pages about runs"),
  Command.withDescription(
    "Serve the two pages about runs, at /admin/operations and /admin/operations/RUN, read-only. Who may see what follows from the facts: members of a workspace see its runs and those of the tenants they are entitled to. How viewers are recognised has to be said."
  ),
  Command.withExamples([
    { command: "countersign monitor --app ./my-operations.ts --as ada", description: "On your own machine" },
    {
      command:
        "countersign monitor --app ./my-operations.ts --issuer https://login.example.com --audience operations --jwks https://login.example.com/keys --viewer-cookie session",
      description: "With the tokens of your sign-in"
    },
    {
      command:
        "countersign monitor --app ./my-operations.ts --host 0.0.0.0 --viewer-header x-forwarded-user --proxy 10.0.0.2",
      description: "Behind a proxy that knows who is looking"
    }
  ])
)
