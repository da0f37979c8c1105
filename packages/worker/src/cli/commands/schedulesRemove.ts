/** `countersign schedules remove SCHEDULE`: forgets it, and keeps its runs. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { removeSchedule } from "../../Scheduling.ts"
import { answer } from "../Reply.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { scheduleArgument, scheduleIdFrom } from "./scheduleId.ts"

/** The command. */
export const schedulesRemove = Command.make("remove", { schedule: scheduleArgument }, (given) =>
  replying(
    Effect.gen(function* () {
      const id = yield* scheduleIdFrom(given.schedule)
      const settings = yield* readSettings
      yield* withStore(settings, removeSchedule(id))
      yield* answer({
        json: () => [{ id, removed: true }],
        text: () => [printable(`Schedule ${id} is removed; its runs stay.`)]
      })
    })
  )
).pipe(
  Command.withShortDescription("Forget a schedule; its runs stay"),
  Command.withDescription("Forget a schedule. Runs that it dispatched stay, and those that wait are still worked on."),
  Command.withExamples([{ command: "countersign schedules remove nightly-backup" }])
)
