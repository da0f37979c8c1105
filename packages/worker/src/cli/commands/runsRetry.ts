/** `countersign runs retry RUN`: does a completed run again. */
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { Countersign } from "../../Countersign.ts"
import { loadApp } from "../AppModule.ts"
import { answer } from "../Reply.ts"
import { runAsJson } from "../render/runJson.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { runArgument, runIdFrom } from "./runId.ts"

const flags = {
  run: runArgument,
  initiator: Flag.String("initiator").pipe(
    Flag.optional,
    Flag.withMetavar("USER"),
    Flag.withDescription("The person on whose authority it runs now; that of the old run unless given")
  ),
  app: appFlag
}

/** The command. */
export const runsRetry = Command.make("retry", flags, ({ run, initiator, app }) =>
  replying(
    Effect.gen(function* () {
      const id = yield* runIdFrom(run)
      const settings = yield* readSettings
      const { catalogue } = yield* loadApp(Option.getOrNull(app), settings)
      const authority = Option.match(initiator, { onNone: () => null, onSome: (user) => ({ initiator: user }) })
      const retrying = Effect.flatMap(Countersign, (gate) => gate.retry(id, authority))
      const { run: again, deduped } = yield* withStore(
        settings,
        Effect.provide(retrying, Countersign.layer({ catalogue }))
      )
      yield* answer({
        json: () => [{ ...runAsJson(again), deduped }],
        text: () => [deduped ? `${again.dispatch.id} (the same work is active already)` : again.dispatch.id]
      })
    })
  )
).pipe(
  Command.withShortDescription("Do a completed run again"),
  Command.withDescription(
    "Do a completed run again, as a new run with the same operation, target and payload that names the old one. Whether it is legitimate is asked anew. A run that is queued or running refuses."
  ),
  Command.withExamples([
    { command: "countersign runs retry 0190163d-8694-739b-aea5-966c26f8ad91 --app ./my-operations.ts" },
    {
      command: "countersign runs retry 0190163d-8694-739b-aea5-966c26f8ad91 --initiator ada --app ./my-operations.ts"
    }
  ])
)
