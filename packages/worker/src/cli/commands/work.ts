/** `countersign work`: a worker of the host's operations, until it is stopped or nothing is left to do. */
import { layerEventWebhooks } from "@countersign/adapters"
import { NoticeChannel, type Range, rangeProblem } from "@countersign/domain"
import { Context, Effect, Layer, Option, type Schema } from "effect"
import { Command, Flag } from "effect/cli"
import type { App } from "../../App.ts"
import { deliverAllEvents, layerEventDeliveries } from "../../EventDeliveries.ts"
import { Worker } from "../../Worker.ts"
import { LIMIT_RANGES } from "../../WorkerOptions.ts"
import { brokenApp, loadApp } from "../AppModule.ts"
import { cliFailure } from "../CliFailure.ts"
import { noticeChannels } from "../noticeChannels.ts"
import { servePages } from "../pages.ts"
import { answer } from "../Reply.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings, type Settings } from "../Settings.ts"
import { LEASE_LEAST_MILLIS, POLL_LEAST_MILLIS, type WorkerSettings } from "../SettingsFile.ts"
import { Stop } from "../Stop.ts"
import { layerStoreAt, placeOf } from "../Store.ts"
import { secretsOf } from "../secrets.ts"
import { settleIn } from "../settleIn.ts"
import { makeTally, type Tally } from "../Tally.ts"
import { untilReachable } from "../untilReachable.ts"
import { saysWhoLooks, viewerFlags, viewersOf } from "../viewers.ts"
import { appFlag } from "./appFlag.ts"
import { portFlag } from "./monitor.ts"

const whole = (name: string, metavar: string, range: Range, description: string) =>
  Flag.Int(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.filter(
      (value) => rangeProblem(value, range) === null,
      (value) => rangeProblem(value, range) ?? ""
    ),
    Flag.optional
  )

const flags = {
  app: appFlag,
  concurrency: whole("concurrency", "N", LIMIT_RANGES.concurrency, "How many handlers run at once; 10 unless given"),
  pollMillis: whole(
    "poll",
    "MS",
    { ...LIMIT_RANGES.pollMillis, least: POLL_LEAST_MILLIS },
    "Look for runs at least this often; 1000 unless given"
  ),
  leaseMillis: whole(
    "lease",
    "MS",
    { ...LIMIT_RANGES.leaseMillis, least: LEASE_LEAST_MILLIS },
    "A worker silent for this long has lost its runs; 30000 unless given"
  ),
  drainMillis: whole(
    "drain-timeout",
    "MS",
    LIMIT_RANGES.drainMillis,
    "On stop, running work gets this long to finish; 20000 unless given"
  ),
  name: Flag.String("name").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("This worker's name in leases and logs; made up unless given"),
    Flag.filter(
      (name) => name !== "",
      () => "must not be empty"
    ),
    Flag.optional
  ),
  drain: Flag.Boolean("drain").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Stop once no run of the app's operations is queued or running")
  ),
  monitor: portFlag("monitor", "Also serve the pages about runs, on this port of this machine").pipe(Flag.optional),
  ...viewerFlags,
  wait: Flag.Boolean("wait").pipe(
    Flag.withDefault(true),
    Flag.withDescription("Wait for a database that cannot be reached yet; --no-wait gives up at once")
  )
}

type Given = { readonly [K in keyof WorkerSettings]-?: Option.Option<NonNullable<WorkerSettings[K]>> }

/** Flags over what the environment and the file say. */
const workerSettings = (given: Given, { worker }: Settings): WorkerSettings => ({
  ...worker,
  ...(Option.isSome(given.concurrency) ? { concurrency: given.concurrency.value } : {}),
  ...(Option.isSome(given.pollMillis) ? { pollMillis: given.pollMillis.value } : {}),
  ...(Option.isSome(given.leaseMillis) ? { leaseMillis: given.leaseMillis.value } : {}),
  ...(Option.isSome(given.drainMillis) ? { drainMillis: given.drainMillis.value } : {}),
  ...(Option.isSome(given.name) ? { name: given.name.value } : {})
})

/** Serves until drained, or for ever; interrupted, the worker gives its work back. */
const serve = Effect.fnUntraced(function* (app: App, options: WorkerSettings, tally: Tally, { drain, wait }: Ending) {
  const channels = Layer.succeed(NoticeChannel, yield* NoticeChannel)
  const worker = yield* Effect.mapError(
    Layer.build(app.layerWorker({ ...options, observe: tally.observe }, channels)),
    brokenApp
  )
  const { name, drained } = Context.get(worker, Worker)
  yield* settleIn
  yield* Effect.logInfo(printable(`worker ${name} is ready for ${app.handled.join(", ")}`))
  const webhooks = layerEventWebhooks(secretsOf)
  if (drain) {
    return yield* untilReachable(Effect.andThen(drained, Effect.provide(deliverAllEvents, webhooks)), wait)
  }
  yield* Layer.build(Layer.provide(layerEventDeliveries(options.pollMillis), webhooks))
  return yield* Effect.never
})

interface Ending {
  readonly drain: boolean
  readonly wait: boolean
}

const told = (counts: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  return parts.length === 0
    ? "Nothing to do."
    : parts.map(([what, count]) => `${count} ${what.replaceAll("_", " ")}`).join(", ")
}

const jsonOf = (counts: Readonly<Record<string, number>>): Schema.Json => ({ ...counts })

/** The command. */
export const work = Command.make("work", flags, ({ app: file, drain, wait, monitor, ...given }) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const app = yield* loadApp(Option.getOrNull(file), settings)
      if (app.handled.length === 0) {
        return yield* cliFailure(
          "app.no_handlers",
          "the app handles no operation",
          "give defineApp at least one handler"
        )
      }
      if (Option.isNone(monitor) && saysWhoLooks(given)) {
        return yield* cliFailure(
          "argument.contradictory",
          "it is said who looks at the pages, but none are served",
          "add --monitor PORT, or leave out what says who is looking"
        )
      }
      const viewers = Option.isSome(monitor) ? yield* viewersOf(given) : null
      const store = (yield* noticeChannels(settings, app)).pipe(
        Layer.provideMerge(layerStoreAt(yield* placeOf(settings), settings))
      )
      const tally = makeTally()
      const serving = Effect.gen(function* () {
        const opened = yield* untilReachable(Layer.build(store), wait)
        if (Option.isSome(monitor) && viewers !== null) {
          const url = yield* servePages({ catalogue: app.catalogue, host: "127.0.0.1", port: monitor.value }).pipe(
            Effect.provide(Layer.merge(Layer.succeedContext(opened), viewers))
          )
          yield* Effect.logInfo(`the pages about runs are at ${url}`)
        }
        yield* Effect.provide(serve(app, workerSettings(given, settings), tally, { drain, wait }), opened)
      })
      const stop = yield* Stop
      yield* stop.takeCharge
      const stopped = Effect.andThen(stop.requested, Effect.logInfo("stopping"))
      yield* Effect.raceFirst(Effect.scoped(serving), stopped)
      const counts = tally.counts()
      yield* answer({ json: () => [jsonOf(counts)], text: () => [told(counts)] })
    })
  )
).pipe(
  Command.withShortDescription("Work on the runs of your app's operations"),
  Command.withDescription(
    "Work on the runs of your app's operations: each is re-authorized the moment it is about to start. SIGINT or SIGTERM stops gracefully: running work may finish, the rest is given back; a second signal ends at once. Notices go to the app's channel; without one to those that “notices” of the settings file names, or to the table inbox. Events go to those who subscribed (`countersign events`)."
  ),
  Command.withExamples([
    { command: "countersign work --app ./my-operations.ts" },
    {
      command: "countersign work --app ./my-operations.ts --drain",
      description: "For scripts: until nothing is left to do"
    },
    { command: "countersign work --app ./my-operations.ts --concurrency 50 --name worker-a" }
  ])
)
