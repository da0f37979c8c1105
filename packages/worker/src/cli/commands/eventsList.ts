/** `countersign events list`: who is told, and whether that goes well. */
import { Events, type SubscriptionStatus, type Tone } from "@countersign/domain"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { answer } from "../Reply.ts"
import type { Style } from "../render/Style.ts"
import { subscriptionAsJson } from "../render/subscriptionJson.ts"
import { cell, renderTable } from "../render/table.ts"
import { inUtc } from "../render/words.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"

const stateOf = (status: SubscriptionStatus): readonly [string, Tone] => {
  const { endedAtMillis, pausedUntilMillis, failures, lastProblem, pending } = status
  const why = lastProblem ?? "no reason given"
  if (endedAtMillis !== null) return [`ended: ${why}`, "danger"]
  if (failures > 0 && pausedUntilMillis !== null) {
    return [`failed ${failures} times, again at ${inUtc(pausedUntilMillis)}: ${why}`, "warning"]
  }
  return [pending === 0 ? "in order" : `${pending} to be delivered`, "neutral"]
}

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
              cell(...stateOf(status))
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
        Effect.flatMap(Events, (events) => events.subscriptions)
      )
      yield* answer({ json: () => all.map(subscriptionAsJson), text: (style) => tableOf(all, style) })
    })
  )
).pipe(
  Command.withShortDescription("List subscriptions and how they fare"),
  Command.withDescription("List subscriptions, how much is still to be delivered to each, and what went wrong last."),
  Command.withExamples([{ command: "countersign events list" }])
)
