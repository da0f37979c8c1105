/** `countersign impact`: what would become of the queued runs and of schedules if somebody left, a tenant were archived or a connection disabled. */
import { ProviderConnectionId, TenantId, UserId, Withdrawal } from "@countersign/domain"
import { Effect, Option, type Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { reportImpact } from "../../Impact.ts"
import { loadApp, withFactsOf } from "../AppModule.ts"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { answer } from "../Reply.ts"
import { impactAsJson } from "../render/impactJson.ts"
import { impactPage } from "../render/impactPage.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { idFrom } from "./id.ts"

/** How many runs the page shows; `--json` gives all. */
const SHOWN = 20

const id = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar("ID"), Flag.withDescription(description))

const flags = {
  actor: id("actor", "If this user were no longer a member, nor entitled to any tenant"),
  tenant: id("tenant", "If this tenant were archived"),
  connection: id("connection", "If this provider connection were disabled"),
  app: appFlag
}

/** The command. */
export const impact = Command.make("impact", flags, ({ app, ...given }) =>
  replying(
    Effect.gen(function* () {
      const withdrawal = yield* withdrawalFrom(given)
      const settings = yield* readSettings
      const loaded = yield* loadApp(Option.getOrNull(app), settings)
      const report = yield* withStore(settings, withFactsOf(loaded, reportImpact(loaded.catalogue, withdrawal)))
      yield* Effect.forEach(report.unreadable, ({ message }) => Effect.logWarning(printable(message)), {
        discard: true
      })
      yield* answer({
        json: () => [impactAsJson(report)],
        text: (style) => impactPage(report, SHOWN, style)
      })
    })
  )
).pipe(
  Command.withShortDescription("Say which queued runs and schedules a loss of authority would block"),
  Command.withDescription(
    "Say which queued runs, and which schedules by their next run, would be blocked or held: as things are, and if one person, tenant or connection were lost. A prediction from the facts of this moment; nothing is changed. Needs --app, because what an operation requires is for its host to declare."
  ),
  Command.withExamples([
    { command: "countersign impact --actor ada --app ./my-operations.ts", description: "Before Ada leaves" },
    { command: "countersign impact --tenant contoso --app ./my-operations.ts --json | jq '.runs[].id'" },
    { command: "countersign impact --app ./my-operations.ts", description: "What is in the way as things are" }
  ])
)

type Named = Readonly<Record<"actor" | "tenant" | "connection", Option.Option<string>>>

const withdrawalFrom = ({ actor, tenant, connection }: Named): Effect.Effect<Withdrawal | null, CliFailure> => {
  const named = [
    ...decoded(UserId, actor, (userId) => Withdrawal.cases.Actor.make({ userId })),
    ...decoded(TenantId, tenant, (tenantId) => Withdrawal.cases.Tenant.make({ tenantId })),
    ...decoded(ProviderConnectionId, connection, (connectionId) => Withdrawal.cases.Connection.make({ connectionId }))
  ]
  const [first, ...more] = named
  if (first === undefined) return Effect.succeed(null)
  return more.length === 0
    ? first
    : Effect.fail(
        cliFailure(
          "argument.contradictory",
          "--actor, --tenant and --connection exclude each other",
          "ask about one loss at a time"
        )
      )
}

const decoded = <A>(
  schema: Schema.Codec<A, string>,
  given: Option.Option<string>,
  make: (id: A) => Withdrawal
): ReadonlyArray<Effect.Effect<Withdrawal, CliFailure>> =>
  Option.isNone(given) ? [] : [Effect.map(idFrom(schema, given.value), make)]
