/** `countersign schedules pause SCHEDULE`. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { pauseSchedule } from "../../Scheduling.ts"
import { answer } from "../Reply.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { schedulePage } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { scheduleArgument, scheduleIdFrom } from "./scheduleId.ts"

/** The command. */
export const schedulesPause = Command.make("pause", { schedule: scheduleArgument }, (given) =>
  replying(
    Effect.gen(function* () {
      const id = yield* scheduleIdFrom(given.schedule)
      const settings = yield* readSettings
      const schedule = yield* withStore(settings, pauseSchedule(id))
      yield* answer({
        json: () => [scheduleAsJson(schedule)],
        text: (style) => schedulePage(schedule, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Stop a schedule's clock"),
  Command.withDescription(
    "Stop a schedule's clock: slots from now on are not run, nor when it is resumed. Runs dispatched already go on. A paused one stays as it is."
  ),
  Command.withExamples([{ command: "countersign schedules pause nightly-backup" }])
)
