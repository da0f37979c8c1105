/** `countersign doctor`: is everything in order, and if not, what to do. */
import type { Tone } from "@countersign/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { AlreadyTold } from "../CliFailure.ts"
import { eventsFinding } from "../doctor/events.ts"
import { type Finding, fail } from "../doctor/Finding.ts"
import {
  factsFinding,
  freshnessFinding,
  noticesFinding,
  orphansFinding,
  pausesFinding,
  runsFinding
} from "../doctor/runs.ts"
import { driftFinding, schemaFinding } from "../doctor/schema.ts"
import { serverFindings } from "../doctor/server.ts"
import { inWords } from "../failures.ts"
import { answer } from "../Reply.ts"
import { printable, type Style } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings, type Settings } from "../Settings.ts"
import { layerClient, placeOf, withStore } from "../Store.ts"

/** Stops where what comes after could only fail for the same reason. */
const examine = Effect.fnUntraced(function* (settings: Settings) {
  const place = yield* placeOf(settings)
  const { schema } = settings
  const outside = Effect.gen(function* () {
    const server = yield* serverFindings
    return server.some(isFailure) ? server : [...server, yield* schemaFinding(schema)]
  }).pipe(
    Effect.provide(layerClient(place)),
    Effect.catch((error) => {
      const { problem, advice } = inWords(error)
      return Effect.succeed([fail("connection", problem, advice ?? "check the database's address")])
    })
  )
  const findings = yield* outside
  if (findings.some(isFailure)) return findings
  const inside = Effect.all([
    driftFinding(schema),
    factsFinding,
    noticesFinding,
    eventsFinding,
    orphansFinding,
    freshnessFinding,
    pausesFinding,
    runsFinding(schema)
  ])
  return [...findings, ...(yield* withStore(settings, inside))]
})

const isFailure = ({ verdict }: Finding): boolean => verdict === "fail"

const toneOf: Readonly<Record<Finding["verdict"], Tone>> = { ok: "success", warn: "warning", fail: "danger" }

const line = ({ check, verdict, found, advice }: Finding, style: Style): ReadonlyArray<string> => [
  `${style.tone(toneOf[verdict], verdict.padEnd(4))}  ${check.padEnd(10)}  ${printable(found)}`,
  ...(advice === null ? [] : [`${" ".repeat(18)}→ ${printable(advice)}`])
]

/** The command. */
export const doctor = Command.make("doctor", {}, () =>
  replying(
    Effect.gen(function* () {
      const findings = yield* examine(yield* readSettings)
      yield* answer({
        json: () => findings.map((finding) => ({ ...finding })),
        text: (style) => findings.flatMap((finding) => line(finding, style))
      })
      if (findings.some(isFailure)) return yield* new AlreadyTold()
    })
  )
).pipe(
  Command.withShortDescription("Check that everything is in order"),
  Command.withDescription(
    "Check the database: connection, server version, clock, schema version and drift, facts, notices, subscriptions, silent workers, runs that do not get on, pauses, counts. Each line says ok, warn or fail, and what to do; the exit code is 1 when something fails."
  ),
  Command.withExamples([
    { command: "countersign doctor" },
    { command: "countersign doctor --json --database postgres://countersign:secret@db.internal/app" }
  ])
)
