/** `countersign schedules show SCHEDULE`: one schedule with its next slots. */
import { Schedules } from "@countersign/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { answer } from "../Reply.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { schedulePage } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { scheduleArgument, scheduleIdFrom } from "./scheduleId.ts"

/** The command. */
export const schedulesShow = Command.make("show", { schedule: scheduleArgument }, (given) =>
  replying(
    Effect.gen(function* () {
      const id = yield* scheduleIdFrom(given.schedule)
      const settings = yield* readSettings
      const schedule = yield* withStore(
        settings,
        Effect.flatMap(Schedules, (port) => port.find(id))
      )
      yield* answer({
        json: () => [scheduleAsJson(schedule)],
        text: (style) => schedulePage(schedule, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Show a schedule and its next slots"),
  Command.withDescription(
    "Show a schedule: how it stands, its next slots on the wall clock of its zone and in UTC, who answers for it and who made it."
  ),
  Command.withExamples([{ command: "countersign schedules show nightly-backup" }])
)
