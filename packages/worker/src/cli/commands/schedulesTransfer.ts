/** `countersign schedules transfer SCHEDULE --to USER`: has another person answer for it. */
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { transferSchedule } from "../../Scheduling.ts"
import { loadApp } from "../AppModule.ts"
import { answer } from "../Reply.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { schedulePage } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { scheduleArgument, scheduleIdFrom } from "./scheduleId.ts"

const flags = {
  schedule: scheduleArgument,
  to: Flag.String("to").pipe(
    Flag.withMetavar("USER"),
    Flag.withDescription("Who answers for it from now on; must have access now")
  ),
  toName: Flag.String("to-name").pipe(
    Flag.optional,
    Flag.withMetavar("NAME"),
    Flag.withDescription("That person's name, kept with the schedule")
  ),
  app: appFlag
}

/** The command. */
export const schedulesTransfer = Command.make("transfer", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const id = yield* scheduleIdFrom(given.schedule)
      const settings = yield* readSettings
      const { catalogue } = yield* loadApp(Option.getOrNull(given.app), settings)
      const to = { id: given.to, name: Option.getOrNull(given.toName) }
      const schedule = yield* withStore(settings, transferSchedule(catalogue, id, to))
      yield* answer({
        json: () => [scheduleAsJson(schedule)],
        text: (style) => schedulePage(schedule, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Have another person answer for a schedule"),
  Command.withDescription(
    "Have another person answer for a schedule. They must be a member of its workspace, have access to its tenant and hold what the operation asks of people; its runs are the system's as before."
  ),
  Command.withExamples([{ command: "countersign schedules transfer nightly-backup --to ben --app ./my-operations.ts" }])
)
