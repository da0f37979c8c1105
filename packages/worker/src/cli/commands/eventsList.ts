/** `countersign events list`: who is told, and whether that goes well. */
import { Events, PENDING_MAX, type SubscriptionStatus } from "@countersign/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { answer } from "../Reply.ts"
import type { Style } from "../render/Style.ts"
import { subscriptionAsJson } from "../render/subscriptionJson.ts"
import { faringOf } from "../render/subscriptionWords.ts"
import { cell, renderTable } from "../render/table.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"

const tableOf = (all: ReadonlyArray<SubscriptionStatus>, style: Style): ReadonlyArray<string> =>
  all.length === 0
    ? ["No subscriptions."]
    : renderTable(
        {
          columns: ["Subscription", "Workspace", "Events", "Secret", "Receiver", "State"],
          rows: all.map((status) => {
            const { id, workspaceId, eventTypes, secretName, url } = status.subscription
            return [
              cell(id),
              cell(workspaceId ?? "all"),
              eventTypes.map((text) => ({ text })),
              cell(secretName),
              cell(url),
              cell(...faringOf(status, PENDING_MAX))
            ]
          })
        },
        style
      )

/** The command. */
export const eventsList = Command.make("list", {}, () =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const all = yield* withStore(
        settings,
        Effect.flatMap(Events, (events) => events.subscriptions(PENDING_MAX))
      )
      yield* answer({ json: () => all.map(subscriptionAsJson), text: (style) => tableOf(all, style) })
    })
  )
).pipe(
  Command.withShortDescription("List subscriptions and how they fare"),
  Command.withDescription(
    `List subscriptions, how much is still to be delivered to each (counted up to ${PENDING_MAX}), and what went wrong last.`
  ),
  Command.withExamples([{ command: "countersign events list" }])
)
