/** `countersign schedules add ID TYPE`: has an operation dispatched again and again. */
import { CATCH_UP_MAX, missedFromText } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Countersign } from "../../Countersign.ts"
import { loadApp } from "../AppModule.ts"
import { cliFailure } from "../CliFailure.ts"
import { answer } from "../Reply.ts"
import { quoted } from "../render/Style.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { schedulePage } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { payloadFrom } from "./payload.ts"
import { scheduleArgument } from "./scheduleId.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

const flags = {
  schedule: scheduleArgument,
  type: Argument.String("type").pipe(Argument.withDescription("The operation's type, as your app declares it")),
  cron: text("cron", "EXPRESSION", "When: minute, hour, day of month, month, weekday; or @hourly, @daily, @weekly, …"),
  zone: text("zone", "ZONE", "The time zone of its wall clock, such as Europe/Berlin; UTC unless given").pipe(
    Flag.withDefault("UTC")
  ),
  missed: text(
    "missed",
    "POLICY",
    `Slots nobody was there for: skip, once (one run for all), or all:N (the newest N, at most ${CATCH_UP_MAX}); once unless given`
  ).pipe(Flag.withDefault("once")),
  workspace: text("workspace", "ID", "The workspace it acts in"),
  tenant: text("tenant", "ID", "The tenant it acts for").pipe(Flag.optional),
  connection: text("connection", "ID", "The provider connection it uses").pipe(Flag.optional),
  by: text("by", "USER", "Who makes it and answers for it; must have access now"),
  byName: text("by-name", "NAME", "That person's name, kept with the schedule").pipe(Flag.optional),
  payload: text("payload", "JSON|@FILE|-", "What each run is given: JSON, a file with JSON, or standard input").pipe(
    Flag.withDefault("{}")
  ),
  app: appFlag
}

const policyFrom = (given: string) =>
  Option.match(missedFromText(given), {
    onSome: Effect.succeed,
    onNone: () =>
      Effect.fail(
        cliFailure(
          "argument.invalid",
          `${quoted(given)} is no policy for missed slots`,
          `say skip, once, or all:N with N from 1 to ${CATCH_UP_MAX}`
        )
      )
  })

/** The command. */
export const schedulesAdd = Command.make("add", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const missed = yield* policyFrom(given.missed)
      const payload = yield* payloadFrom(given.payload)
      const settings = yield* readSettings
      const { catalogue } = yield* loadApp(Option.getOrNull(given.app), settings)
      const adding = Effect.flatMap(Countersign, (gate) =>
        gate.addScheduleUntyped({
          id: given.schedule,
          operationType: given.type,
          cron: given.cron,
          zone: given.zone,
          missed,
          workspaceId: given.workspace,
          tenantId: Option.getOrNull(given.tenant),
          providerConnectionId: Option.getOrNull(given.connection),
          by: { id: given.by, name: Option.getOrNull(given.byName) },
          payload
        })
      )
      const schedule = yield* withStore(settings, Effect.provide(adding, Countersign.layer({ catalogue })))
      yield* answer({
        json: () => [scheduleAsJson(schedule)],
        text: (style) => schedulePage(schedule, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Have an operation done again and again"),
  Command.withDescription(
    "Have an operation dispatched at every slot of a timetable, once however many workers there are. Its runs are the system's, so the operation must declare system authority; each is re-authorized like any other. Who adds it must have access now, and is kept as provenance: it goes on when they leave."
  ),
  Command.withExamples([
    {
      command:
        "countersign schedules add nightly-backup backup_schedule_run --cron '30 2 * * *' --zone Europe/Berlin --workspace north --tenant contoso --connection graph --by ada --app ./my-operations.ts"
    },
    {
      command:
        "countersign schedules add report weekly_report --cron @weekly --missed all:4 --workspace north --by ada --app ./my-operations.ts",
      description: "After an outage, the newest four are made up for"
    }
  ])
)
