/** `countersign events unsubscribe ID`. */
import { Events, SubscriptionId } from "@countersign/domain"
import { Effect, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { cliFailure } from "../CliFailure.ts"
import { answer } from "../Reply.ts"
import { quoted } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"

const ADVICE = "see `countersign events list` for those there are"

/** The command. */
export const eventsUnsubscribe = Command.make(
  "unsubscribe",
  { id: Argument.String("subscription").pipe(Argument.withDescription("The subscription's id")) },
  ({ id: given }) =>
    replying(
      Effect.gen(function* () {
        const settings = yield* readSettings
        const id = yield* Effect.mapError(Schema.decodeEffect(SubscriptionId)(given.trim().toLowerCase()), () =>
          cliFailure("argument.invalid", `${quoted(given)} is not a subscription's id`, ADVICE)
        )
        const wasThere = yield* withStore(
          settings,
          Effect.flatMap(Events, (events) => events.unsubscribe(id))
        )
        if (!wasThere) return yield* cliFailure("subscription.not_found", `there is no subscription ${id}`, ADVICE)
        yield* answer({ json: () => [{ id, unsubscribed: true }], text: () => [`Subscription ${id} is gone.`] })
      })
    )
).pipe(
  Command.withShortDescription("End a subscription"),
  Command.withDescription("End a subscription. What was still to be delivered to it is forgotten."),
  Command.withExamples([{ command: "countersign events unsubscribe 0190163d-8694-739b-aea5-966c26f8ad91" }])
)
