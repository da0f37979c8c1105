/** The channels of `countersign work`, as the settings name them; the table `inbox` when they name none. */
import { layerAll, layerEmail, layerLog, layerPostgresInbox, layerWebhook } from "@countersign/adapters"
import type { ChannelMisconfigured, NoticeChannel } from "@countersign/domain"
import { Effect, Layer, Option, Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import type { App } from "../App.ts"
import { type CliFailure, cliFailure } from "./CliFailure.ts"
import { type Settings, variable } from "./Settings.ts"
import type { ChannelName, NoticeSettings } from "./SettingsFile.ts"
import { secretsOf, secretVariable } from "./secrets.ts"

type Channel = Layer.Layer<NoticeChannel, CliFailure, SqlClient.SqlClient>

const SMTP_VARIABLE = "COUNTERSIGN_SMTP_URL"

const missing = (channel: ChannelName, what: string, advice: string) =>
  cliFailure("notices.incomplete", `the channel ${channel} is chosen, but ${what}`, advice)

/** What a channel finds wrong with its options, as a person meets it. */
const told = <R>(
  channel: Layer.Layer<NoticeChannel, ChannelMisconfigured, R>
): Layer.Layer<NoticeChannel, CliFailure, R> =>
  Layer.catchTag(channel, "ChannelMisconfigured", ({ channel: name, problem, advice }) =>
    Layer.effectContext<NoticeChannel, CliFailure, never>(
      Effect.fail(cliFailure("notices.invalid", `the channel ${name} cannot be used: ${problem}`, advice))
    )
  )

const emailChannel = Effect.fnUntraced(function* ({ email }: NoticeSettings, { addressOf }: App) {
  if (email === undefined) {
    return yield* missing("email", "no sender is named", "say “notices.email.from” in the settings file")
  }
  if (addressOf === null) {
    return yield* missing("email", "the app knows nobody's address", "give defineApp the function addressOf")
  }
  const smtp = yield* variable(SMTP_VARIABLE)
  if (Option.isNone(smtp)) {
    return yield* missing(
      "email",
      "no mail server is named",
      `set ${SMTP_VARIABLE}, such as smtps://user:password@host`
    )
  }
  const from = { address: email.from, ...(email.name === undefined ? {} : { name: email.name }) }
  return told(layerEmail({ smtp: Redacted.make(smtp.value), from, addressOf }))
})

const webhookChannel = Effect.fnUntraced(function* ({ webhook }: NoticeSettings) {
  if (webhook === undefined) {
    return yield* missing("webhook", "no receiver is named", "say “notices.webhook” in the settings file")
  }
  const secrets = yield* secretsOf(webhook.secret)
  if (secrets.length === 0) {
    return yield* missing("webhook", "its secret is not known", `set ${secretVariable(webhook.secret)}`)
  }
  return told(layerWebhook({ url: webhook.url, secrets }))
})

const channelNamed = (name: ChannelName, settings: Settings, app: App): Effect.Effect<Channel, CliFailure> => {
  switch (name) {
    case "inbox":
      return Effect.succeed(layerPostgresInbox(settings.schema))
    case "log":
      return Effect.succeed(layerLog)
    case "email":
      return emailChannel(settings.notices, app)
    case "webhook":
      return webhookChannel(settings.notices)
  }
}

/** The channels that the settings name, as one. An app with a channel of its own needs none of them, and is not asked. */
export const noticeChannels = Effect.fnUntraced(function* (
  settings: Settings,
  app: App
): Effect.fn.Return<Channel, CliFailure> {
  const names = settings.notices.channels ?? ["inbox"]
  if (app.hasChannel) {
    if (settings.notices.channels !== undefined) {
      yield* Effect.logWarning("the app has a notice channel of its own: “notices” of the settings file is not used")
    }
    return layerPostgresInbox(settings.schema)
  }
  const chosen = yield* Effect.forEach(names, (name) =>
    Effect.map(channelNamed(name, settings, app), (channel): [string, Channel] => [name, channel])
  )
  return layerAll(Object.fromEntries(chosen))
})
