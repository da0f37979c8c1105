/** `countersign events subscribe URL`: from now on a webhook is told of what happens. */
import { webhookUrl } from "@countersign/adapters"
import {
  Events,
  SecretName,
  type Subscription,
  SubscriptionId,
  WorkspaceEventType,
  WorkspaceId
} from "@countersign/domain"
import { Clock, Effect, Option, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { answer, tell } from "../Reply.ts"
import { quoted } from "../render/Style.ts"
import { subscriptionAsJson } from "../render/subscriptionJson.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { secretVariable } from "../secrets.ts"

/** What stops without anybody having wished it. */
const USUAL: Subscription["eventTypes"] = ["run.blocked", "run.failed", "run.held"]

const flags = {
  url: Argument.String("url").pipe(Argument.withDescription("The receiver's https address")),
  secret: Flag.String("secret").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Name of the signing secret; workers have it in COUNTERSIGN_WEBHOOK_SECRET_<NAME>")
  ),
  workspace: Flag.String("workspace").pipe(
    Flag.optional,
    Flag.withMetavar("ID"),
    Flag.withDescription("Only of this workspace; of all unless given")
  ),
  types: Flag.Literals("type", WorkspaceEventType.literals).pipe(
    Flag.atLeast(0),
    Flag.withDescription(`Which events, once for each; ${USUAL.join(", ")} unless given`)
  )
}

const decoded = <A>(schema: Schema.Codec<A, string>, text: string, what: string): Effect.Effect<A, CliFailure> =>
  Effect.mapError(Schema.decodeEffect(schema)(text), ({ message }) =>
    cliFailure("argument.invalid", `${quoted(text)} is not ${what}`, message.split("\n", 1)[0] ?? null)
  )

const checkedUrl = (url: string): Effect.Effect<string, CliFailure> =>
  Result.match(webhookUrl(url), {
    onFailure: ({ problem, advice }) => Effect.fail(cliFailure("argument.invalid", problem, advice)),
    onSuccess: ({ href }) => Effect.succeed(href)
  })

/** The command. */
export const eventsSubscribe = Command.make("subscribe", flags, ({ url, secret, workspace, types }) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const [first, ...more] = new Set(types)
      const subscription: Subscription = {
        id: SubscriptionId.make(yield* (yield* SecureRandom.SecureRandom).uuidV7()),
        workspaceId: Option.isNone(workspace) ? null : yield* decoded(WorkspaceId, workspace.value, "a workspace's id"),
        url: yield* checkedUrl(url),
        secretName: yield* decoded(SecretName, secret, "a secret's name"),
        eventTypes: first === undefined ? USUAL : [first, ...more],
        createdAtMillis: yield* Clock.currentTimeMillis
      }
      yield* withStore(
        settings,
        Effect.flatMap(Events, (events) => events.subscribe(subscription))
      )
      const status = { subscription, pending: 0, failures: 0, lastProblem: null }
      yield* answer({
        json: () => [subscriptionAsJson({ ...status, pausedUntilMillis: null, endedAtMillis: null })],
        text: () => [subscription.id]
      })
      yield* tell(`Workers need the secret in ${secretVariable(subscription.secretName)}, and start with it.`)
    }).pipe(Effect.provide(SecureRandom.layerWebCrypto))
  )
).pipe(
  Command.withShortDescription("Have a webhook told of what happens"),
  Command.withDescription(
    "Have a webhook told of what happens in a workspace, or in all, from now on: signed after Standard Webhooks, at least once, under one id. The secret stays with the workers: here is only its name. Prints the subscription's id."
  ),
  Command.withExamples([
    { command: "countersign events subscribe https://ops.example.org/hook --secret OPS" },
    {
      command:
        "countersign events subscribe https://ops.example.org/hook --secret OPS --workspace north --type run.blocked --type schedule.blocked"
    }
  ])
)
