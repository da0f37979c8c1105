/** `countersign schedules list`: all schedules by id, and what keeps one from running. */
import { ScheduleId, Schedules, WorkspaceId } from "@countersign/domain"
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { answer, tell } from "../Reply.ts"
import { printable } from "../render/Style.ts"
import { scheduleAsJson } from "../render/scheduleJson.ts"
import { scheduleTable } from "../render/schedulePage.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { LIMIT_MAX, limitFlag, named } from "./listing.ts"

const flags = {
  workspace: Flag.String("workspace").pipe(
    Flag.optional,
    Flag.withMetavar("ID"),
    Flag.withDescription("Only of this workspace")
  ),
  after: Flag.String("after").pipe(
    Flag.optional,
    Flag.withMetavar("SCHEDULE"),
    Flag.withDescription("Only schedules whose id comes after this one: the next page")
  ),
  limit: limitFlag(LIMIT_MAX)
}

/** The command. */
export const schedulesList = Command.make("list", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const workspaceId = yield* named(WorkspaceId, given.workspace)
      const after = yield* named(ScheduleId, given.after)
      const filter = {
        limit: given.limit,
        ...(workspaceId === undefined ? {} : { workspaceId }),
        ...(after === undefined ? {} : { after })
      }
      const page = Effect.flatMap(Schedules, (port) => port.list(filter))
      const { schedules, unreadable } = yield* withStore(settings, page)
      yield* Effect.forEach(unreadable, ({ message }) => Effect.logWarning(printable(message)), { discard: true })
      yield* answer({
        json: () => schedules.map(scheduleAsJson),
        text: (style) => scheduleTable(schedules, style)
      })
      const last = schedules.at(-1)
      if (schedules.length === given.limit && last !== undefined) {
        yield* tell(printable(`There may be more: add --after ${last.id}`))
      }
    })
  )
).pipe(
  Command.withShortDescription("List schedules, by id"),
  Command.withDescription(
    "List schedules, by id: when each is due next, and why the last slot of one was not dispatched."
  ),
  Command.withExamples([
    { command: "countersign schedules list" },
    { command: "countersign schedules list --json | jq 'select(.problem != null).id'" }
  ])
)
