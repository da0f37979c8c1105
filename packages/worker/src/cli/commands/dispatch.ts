/** `countersign dispatch TYPE`: has something done, now or once a worker is there. */
import { Priority } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Countersign } from "../../Countersign.ts"
import type { RequestedAuthority } from "../../DispatchRequest.ts"
import { loadApp } from "../AppModule.ts"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { answer } from "../Reply.ts"
import { runAsJson } from "../render/runJson.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { appFlag } from "./appFlag.ts"
import { payloadFrom } from "./payload.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

const flags = {
  type: Argument.String("type").pipe(Argument.withDescription("The operation's type, as your app declares it")),
  workspace: text("workspace", "ID", "The workspace it acts in"),
  tenant: text("tenant", "ID", "The tenant it acts for").pipe(Flag.optional),
  connection: text("connection", "ID", "The provider connection it uses").pipe(Flag.optional),
  initiator: text("initiator", "USER", "The person on whose authority it runs").pipe(Flag.optional),
  initiatorName: text("initiator-name", "NAME", "That person's name, kept with the run").pipe(Flag.optional),
  system: Flag.Boolean("system").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("No person: the operation must declare system authority")
  ),
  payload: text("payload", "JSON|@FILE|-", "What it is given: JSON, a file with JSON, or standard input").pipe(
    Flag.withDefault("{}")
  ),
  priority: Flag.Literals("priority", Priority.literals).pipe(
    Flag.optional,
    Flag.withDescription("Which of several waiting runs is taken first; that of the operation unless given")
  ),
  app: appFlag
}

const authorityFrom = (
  initiator: string | null,
  name: string | null,
  system: boolean
): Effect.Effect<RequestedAuthority, CliFailure> => {
  if (system) {
    return initiator === null && name === null
      ? Effect.succeed({ systemAuthority: true })
      : Effect.fail(
          cliFailure(
            "argument.contradictory",
            "--system and --initiator exclude each other",
            "say --system only if no person is behind it"
          )
        )
  }
  return initiator === null
    ? Effect.fail(
        cliFailure(
          "argument.missing",
          "nobody is named on whose authority the run acts",
          "name the person with --initiator USER, or say --system if no person is behind it"
        )
      )
    : Effect.succeed({ initiator, ...(name === null ? {} : { initiatorName: name }) })
}

/** The command. */
export const dispatch = Command.make("dispatch", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const authority = yield* authorityFrom(
        Option.getOrNull(given.initiator),
        Option.getOrNull(given.initiatorName),
        given.system
      )
      const payload = yield* payloadFrom(given.payload)
      const settings = yield* readSettings
      const { catalogue } = yield* loadApp(Option.getOrNull(given.app), settings)
      const request = {
        ...authority,
        operationType: given.type,
        workspaceId: given.workspace,
        tenantId: Option.getOrNull(given.tenant),
        providerConnectionId: Option.getOrNull(given.connection),
        payload,
        ...(Option.isNone(given.priority) ? {} : { priority: given.priority.value })
      }
      const dispatching = Effect.flatMap(Countersign, (gate) => gate.dispatchUntyped(request))
      const { run, deduped } = yield* withStore(settings, Effect.provide(dispatching, Countersign.layer({ catalogue })))
      yield* answer({
        json: () => [{ ...runAsJson(run), deduped }],
        text: () => [
          deduped
            ? `${run.dispatch.id} (already active: the same operation with the same input was dispatched before)`
            : run.dispatch.id
        ]
      })
    })
  )
).pipe(
  Command.withShortDescription("Have an operation done"),
  Command.withDescription(
    "Dispatch an operation: stores a queued run and prints its id. Whether it is legitimate is asked when a worker is about to act. While a run of the same operation and input is active, that one is answered."
  ),
  Command.withExamples([
    {
      command: `countersign dispatch inventory_sync --workspace north --tenant contoso --connection graph --initiator ada --payload '{"scope":"all"}' --app ./my-operations.ts`
    },
    {
      command:
        "countersign dispatch nightly_backup --workspace north --system --payload @backup.json --app ./my-operations.ts"
    },
    {
      command:
        'echo \'{"scope":"all"}\' | countersign dispatch inventory_sync --workspace north --initiator ada --payload -'
    }
  ])
)
