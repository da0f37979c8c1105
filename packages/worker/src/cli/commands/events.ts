/** `countersign events`: webhooks for operators. */
import { Command } from "effect/cli"
import { eventsList } from "./eventsList.ts"
import { eventsSubscribe } from "./eventsSubscribe.ts"
import { eventsUnsubscribe } from "./eventsUnsubscribe.ts"

/** The command. */
export const events = Command.make("events").pipe(
  Command.withDescription("Tell other programs what happens in a workspace: subscribe a webhook, list, unsubscribe."),
  Command.withSubcommands([eventsSubscribe, eventsList, eventsUnsubscribe])
)
