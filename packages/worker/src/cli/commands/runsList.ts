/** `countersign runs list`: the newest runs first. */
import {
  Freshness,
  OperationType,
  type RunFilter,
  RunOutcome,
  RunStatus,
  TenantId,
  WorkspaceId
} from "@countersign/domain"
import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { readWaiting } from "../../Queueing.ts"
import { LOOKED_AT_MAX, listWatched } from "../../Watching.ts"
import { answer, tell } from "../Reply.ts"
import { runAsJson, waitingAsJson, wellbeingAsJson } from "../render/runJson.ts"
import { runTable } from "../render/runTable.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"
import { limitFlag, named } from "./listing.ts"
import { runIdFrom } from "./runId.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

const flags = {
  status: Flag.Literals("status", RunStatus.literals).pipe(Flag.optional, Flag.withDescription("Only of this status")),
  outcome: Flag.Literals("outcome", RunOutcome.literals).pipe(
    Flag.optional,
    Flag.withDescription("Only of this outcome")
  ),
  freshness: Flag.Literals("freshness", Freshness.literals).pipe(
    Flag.optional,
    Flag.withDescription("Only those that get on in this way")
  ),
  workspace: text("workspace", "ID", "Only of this workspace"),
  tenant: text("tenant", "ID", "Only for this tenant"),
  type: text("type", "TYPE", "Only of this operation"),
  before: text("before", "RUN", "Only runs dispatched before this one: the next page"),
  limit: limitFlag(20)
}

/** The command. */
export const runsList = Command.make("list", flags, (given) =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      const workspaceId = yield* named(WorkspaceId, given.workspace)
      const tenantId = yield* named(TenantId, given.tenant)
      const operationType = yield* named(OperationType, given.type)
      const before = Option.isNone(given.before) ? undefined : yield* runIdFrom(given.before.value)
      const filter: RunFilter = {
        limit: given.limit,
        ...(workspaceId === undefined ? {} : { workspaceId }),
        ...(tenantId === undefined ? {} : { tenantId }),
        ...(operationType === undefined ? {} : { operationType }),
        ...(before === undefined ? {} : { before }),
        ...(Option.isNone(given.status) ? {} : { status: given.status.value }),
        ...(Option.isNone(given.outcome) ? {} : { outcome: given.outcome.value })
      }
      const page = Effect.all([listWatched(filter, Option.getOrNull(given.freshness)), readWaiting])
      const [{ watched, unreadable, isCut }, waitingOf] = yield* withStore(settings, page)
      yield* Effect.forEach(unreadable, ({ message }) => Effect.logWarning(printable(message)), { discard: true })
      yield* answer({
        json: () =>
          watched.map((one) => ({
            ...runAsJson(one.run),
            ...wellbeingAsJson(one),
            ...waitingAsJson(waitingOf(one.run))
          })),
        text: (style) => runTable(watched, waitingOf, style)
      })
      const last = watched.at(-1)
      if (watched.length === given.limit && last !== undefined) {
        yield* tell(`There may be more: add --before ${last.run.dispatch.id}`)
      } else if (isCut) {
        yield* tell(`The newest ${LOOKED_AT_MAX} were looked at: narrow the search, such as by --workspace or --before`)
      }
    })
  )
).pipe(
  Command.withShortDescription("List runs, the newest first"),
  Command.withDescription("List runs, the newest first."),
  Command.withExamples([
    { command: "countersign runs list --outcome blocked", description: "What was blocked, and why" },
    { command: "countersign runs list --workspace north --status queued --limit 100" },
    { command: "countersign runs list --freshness likely_stale", description: "What does not get on" },
    { command: "countersign runs list --json | jq .reason_code" }
  ])
)
