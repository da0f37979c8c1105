/** `countersign demo`: shows in a few seconds what this is about. */
import { DEFAULT_SCHEMA, layerPostgresInbox, migrate, type SchemaName } from "@countersign/adapters"
import { Clock, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { holdsOthersData } from "../../demo/ownGround.ts"
import { type Played, play } from "../../demo/play.ts"
import { demoTable } from "../../demo/table.ts"
import { demoViewers } from "../../demo/viewers.ts"
import { sampleCatalogue } from "../../sample/operations.ts"
import { cliFailure } from "../CliFailure.ts"
import { servePages } from "../pages.ts"
import { answer, Reply, tell } from "../Reply.ts"
import { verdictAsJson } from "../render/runJson.ts"
import { replying } from "../replying.ts"
import { type Place, readFlags, variable } from "../Settings.ts"
import { Stop } from "../Stop.ts"
import { layerClient, layerStore } from "../Store.ts"
import { DEFAULT_PORT } from "./monitor.ts"

const IN_MEMORY: Place = { _tag: "Embedded", folder: null }

const inWordsOf = (place: Place): string => {
  if (place._tag === "Server") return "the database server"
  return place.folder === null ? "an embedded PostgreSQL, in memory" : `an embedded PostgreSQL, kept in ${place.folder}`
}

const ownGround = Effect.fnUntraced(function* (schema: SchemaName) {
  yield* migrate(schema)
  if (yield* holdsOthersData(schema)) {
    return yield* cliFailure(
      "demo.not_own_ground",
      `the schema ${schema} of this database holds data that no demo made`,
      "give the demo a schema of its own: --schema countersign_demo"
    )
  }
})

const seconds = (millis: number): string => `${(millis / 1_000).toFixed(1)} s`

/** How this program was called, so that the advice can be typed as it stands. */
const calledAs = Effect.map(variable("npm_lifecycle_event"), (script) =>
  Option.isSome(script) ? "npm run countersign --" : "countersign"
)

const lookAgain = (place: Place, { runs }: Played, schema: SchemaName, called: string): string => {
  if (place._tag === "Embedded" && place.folder === null) {
    return "Nothing of it is kept once this ends. With --data ./data it is, and `runs show` looks into each run."
  }
  const id = runs.find(({ run }) => run._tag === "Blocked")?.run.dispatch.id ?? ""
  const where = place._tag === "Embedded" ? `--data ${place.folder}` : "--database URL"
  return `Look closer: ${called} runs show ${id} ${where}${schema === DEFAULT_SCHEMA ? "" : ` --schema ${schema}`}`
}

const flags = {
  exit: Flag.Boolean("exit").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("End after the story, and serve no pages; --json means the same")
  )
}

/** Serves the pages about the demo's runs on this machine until a stop is wished for. */
const showing = Effect.fnUntraced(function* ({ cast }: Played) {
  const { layerDemoViewer } = yield* Effect.promise(() => import("@countersign/adapters/monitoring"))
  const stop = yield* Stop
  yield* stop.takeCharge
  const served = (port: number) => servePages({ catalogue: sampleCatalogue, host: "127.0.0.1", port })
  yield* Effect.gen(function* () {
    const url = yield* Effect.catch(served(DEFAULT_PORT), () => served(0))
    yield* tell("")
    yield* tell(`See it: ${url}`)
    yield* tell(
      "Look as Eve, Ada, Ben or Finn: each sees what they may see. Ctrl-C ends it; --exit would have ended here."
    )
    yield* stop.requested
  }).pipe(Effect.provide(layerDemoViewer(demoViewers(cast))), Effect.scoped)
})

/** The command. */
export const demo = Command.make("demo", flags, ({ exit }) =>
  replying(
    Effect.gen(function* () {
      const beganMillis = yield* Clock.currentTimeMillis
      const { place: named, schema } = yield* readFlags
      const place = named ?? IN_MEMORY
      yield* tell(`Opening ${inWordsOf(place)} …`)
      const prepared = layerPostgresInbox(schema).pipe(
        Layer.provideMerge(layerStore(schema)),
        Layer.provide(Layer.effectDiscard(ownGround(schema))),
        Layer.provideMerge(layerClient(place))
      )
      yield* Effect.gen(function* () {
        const played = yield* play(schema, tell)
        yield* tell("")
        yield* answer({
          json: () => played.runs.map(({ run, decisions }) => verdictAsJson(run, decisions)),
          text: (style) => demoTable(played.runs, style)
        })
        const totalMillis = (yield* Clock.currentTimeMillis) - beganMillis
        yield* tell("")
        yield* tell(`That took ${seconds(totalMillis)}, ${seconds(played.tookMillis)} of it the demo itself.`)
        yield* tell(lookAgain(place, played, schema, yield* calledAs))
        const { json } = yield* Reply
        if (!exit && !json) yield* showing(played)
      }).pipe(Effect.provide(prepared))
    })
  )
).pipe(
  Command.withShortDescription("See it work in a few seconds; needs nothing"),
  Command.withDescription(
    "Show what this is about: a sample workspace, seven runs dispatched, authority taken away while they wait, then a worker, and at the end two pages to look at it all in a browser, until Ctrl-C. Uses an embedded PostgreSQL in memory, never the database of DATABASE_URL; --data keeps the data, --database uses a server. Each demo has a workspace of its own and touches nothing else."
  ),
  Command.withExamples([
    { command: "countersign demo" },
    { command: "countersign demo --exit", description: "Without the pages" },
    { command: "countersign demo --json", description: "One JSON object per run, without the pages" },
    { command: "countersign demo --data ./data", description: "Keep the data, to look into the runs afterwards" },
    { command: "countersign demo --database postgres://postgres:secret@localhost:5432/scratch" }
  ])
)
