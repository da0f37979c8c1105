/** `countersign demo`: shows in a few seconds what this is about. */
import { DEFAULT_SCHEMA, layerPostgresInbox, migrate, type SchemaName } from "@countersign/adapters"
import { Clock, Effect, Layer, Option } from "effect"
import { Command } from "effect/cli"
import { holdsOthersData } from "../../demo/ownGround.ts"
import { type Played, play } from "../../demo/play.ts"
import { demoTable } from "../../demo/table.ts"
import { cliFailure } from "../CliFailure.ts"
import { answer, tell } from "../Reply.ts"
import { verdictAsJson } from "../render/runJson.ts"
import { replying } from "../replying.ts"
import { type Place, readSettings, type Settings, variable } from "../Settings.ts"
import { layerClient, layerStore } from "../Store.ts"

const IN_MEMORY: Place = { _tag: "Embedded", folder: null }

/** Only what the command line itself names: a demo has no business in whatever DATABASE_URL happens to point at. */
const placeOf = ({ place, placeByFlag }: Settings): Place => (placeByFlag && place !== null ? place : IN_MEMORY)

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
    return "Nothing is kept. With --data ./data it is, and `runs show` looks into each run."
  }
  const id = runs.find(({ run }) => run._tag === "Blocked")?.run.dispatch.id ?? ""
  const where = place._tag === "Embedded" ? `--data ${place.folder}` : "--database URL"
  return `Look closer: ${called} runs show ${id} ${where}${schema === DEFAULT_SCHEMA ? "" : ` --schema ${schema}`}`
}

/** The command. */
export const demo = Command.make("demo", {}, () =>
  replying(
    Effect.gen(function* () {
      const beganMillis = yield* Clock.currentTimeMillis
      const settings = yield* readSettings
      const place = placeOf(settings)
      const { schema } = settings
      yield* tell(`Opening ${inWordsOf(place)} …`)
      const prepared = layerPostgresInbox(schema).pipe(
        Layer.provideMerge(layerStore(schema)),
        Layer.provide(Layer.effectDiscard(ownGround(schema))),
        Layer.provideMerge(layerClient(place))
      )
      const played = yield* Effect.provide(play(schema, tell), prepared)
      yield* tell("")
      yield* answer({
        json: () => played.runs.map(({ run, decisions }) => verdictAsJson(run, decisions)),
        text: (style) => demoTable(played.runs, style)
      })
      const totalMillis = (yield* Clock.currentTimeMillis) - beganMillis
      yield* tell("")
      yield* tell(`That took ${seconds(totalMillis)}, ${seconds(played.tookMillis)} of it the demo itself.`)
      yield* tell(lookAgain(place, played, schema, yield* calledAs))
    })
  )
).pipe(
  Command.withShortDescription("See it work in a few seconds; needs nothing"),
  Command.withDescription(
    "Show what this is about: a sample workspace, seven runs dispatched, authority taken away while they wait, then a worker. Uses an embedded PostgreSQL in memory, never the database of DATABASE_URL; --data keeps the data, --database uses a server. Each demo has a workspace of its own and touches nothing else."
  ),
  Command.withExamples([
    { command: "countersign demo" },
    { command: "countersign demo --json", description: "One JSON object per run" },
    { command: "countersign demo --data ./data", description: "Keep the data, to look into the runs afterwards" },
    { command: "countersign demo --database postgres://postgres:secret@localhost:5432/scratch" }
  ])
)
