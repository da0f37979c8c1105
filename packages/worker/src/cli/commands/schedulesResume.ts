/** `countersign schedules resume SCHEDULE`. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { resumeSchedule } from "../../Scheduling.ts"
import { answer } from "../Reply.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { schedulePage } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { scheduleArgument, scheduleIdFrom } from "./scheduleId.ts"

/** The command. */
export const schedulesResume = Command.make("resume", { schedule: scheduleArgument }, (given) =>
  replying(
    Effect.gen(function* () {
      const id = yield* scheduleIdFrom(given.schedule)
      const settings = yield* readSettings
      const schedule = yield* withStore(settings, resumeSchedule(id))
      yield* answer({
        json: () => [scheduleAsJson(schedule)],
        text: (style) => schedulePage(schedule, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Let a schedule's clock run again"),
  Command.withDescription(
    "Let a schedule's clock run again, with the first slot after now. What was due while it was paused is not run. Pausing and resuming also mends a schedule that a clock set far ahead has moved into the future."
  ),
  Command.withExamples([{ command: "countersign schedules resume nightly-backup" }])
)
