/** `countersign runs cancel RUN`: calls a run off. */
import { type Canceller, HostString } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { cancelRun } from "../../Cancellation.ts"
import { answer } from "../Reply.ts"
import { runAsJson } from "../render/runJson.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { idFrom } from "./id.ts"
import { runArgument, runIdFrom } from "./runId.ts"

const flags = {
  run: runArgument,
  by: Flag.String("by").pipe(
    Flag.optional,
    Flag.withMetavar("USER"),
    Flag.withDescription("Who cancels it, for the audit record; the system unless given")
  )
}

const cancellerFrom = (by: Option.Option<string>) =>
  Option.isNone(by)
    ? Effect.succeed<Canceller>({ kind: "system", id: null })
    : Effect.map(idFrom(HostString, by.value), (id): Canceller => ({ kind: "human", id }))

/** The command. */
export const runsCancel = Command.make("cancel", flags, ({ run, by }) =>
  replying(
    Effect.gen(function* () {
      const id = yield* runIdFrom(run)
      const canceller = yield* cancellerFrom(by)
      const settings = yield* readSettings
      const cancelled = yield* withStore(settings, cancelRun(id, canceller))
      yield* answer({
        json: () => [runAsJson(cancelled)],
        text: () => [`Run ${id} is cancelled.`]
      })
    })
  )
).pipe(
  Command.withShortDescription("Cancel a queued or running run"),
  Command.withDescription(
    "Cancel a queued or running run. Running work is interrupted at its worker's next heartbeat; a completed run refuses."
  ),
  Command.withExamples([{ command: "countersign runs cancel 0190163d-8694-739b-aea5-966c26f8ad91 --by ada" }])
)
