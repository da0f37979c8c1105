/** The flags that say which audit records are meant. */
import { AuditAction, type AuditFilter, AuditOutcome, WorkspaceId } from "@countersign/domain"
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { type CliFailure, cliFailure } from "../CliFailure.ts"
import { quoted } from "../render/Style.ts"
import { iso } from "../render/words.ts"
import { named } from "./listing.ts"
import { runIdFrom } from "./runId.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

/** The flags. */
export const auditFilterFlags = {
  workspace: text("workspace", "ID", "Only of this workspace"),
  run: text("run", "RUN", "Only of this run"),
  action: Flag.Literals("action", AuditAction.literals).pipe(
    Flag.optional,
    Flag.withDescription("Only of this action")
  ),
  outcome: Flag.Literals("outcome", AuditOutcome.literals).pipe(
    Flag.optional,
    Flag.withDescription("Only of this outcome")
  ),
  from: text("from", "TIME", "Only what occurred then or later, such as 2026-01-31 or 2026-01-31T12:00:00Z"),
  before: text("before", "TIME", "Only what occurred before then"),
  after: Flag.Int("after").pipe(
    Flag.withMetavar("POSITION"),
    Flag.withDescription("Go on after the record with this position"),
    Flag.filter(
      (position) => position >= 0 && Number.isSafeInteger(position),
      () => "a record's position"
    ),
    Flag.optional
  )
}

interface Given {
  readonly workspace: Option.Option<string>
  readonly run: Option.Option<string>
  readonly action: Option.Option<AuditAction>
  readonly outcome: Option.Option<AuditOutcome>
  readonly from: Option.Option<string>
  readonly before: Option.Option<string>
  readonly after: Option.Option<number>
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** `Date` takes the 31st of February for the 3rd of March. */
const isDay = (text: string): boolean => {
  const millis = Date.parse(text)
  return !Number.isNaN(millis) && iso(millis).startsWith(text)
}

/** A day is taken from its beginning in UTC; a time of day needs its zone. */
const instantFrom = (given: string): Effect.Effect<number, CliFailure> => {
  const millis = INSTANT.test(given) && isDay(given.slice(0, 10)) ? Date.parse(given) : Number.NaN
  return Number.isNaN(millis)
    ? Effect.fail(
        cliFailure(
          "argument.invalid",
          `${quoted(given)} is not a time`,
          "write a day of UTC, 2026-01-31, or an instant with its zone, 2026-01-31T12:00:00Z"
        )
      )
    : Effect.succeed(millis)
}

const given = <A, B>(
  flag: Option.Option<A>,
  from: (value: A) => Effect.Effect<B, CliFailure>
): Effect.Effect<B | undefined, CliFailure> => (Option.isNone(flag) ? Effect.undefined : from(flag.value))

/** What the flags say. */
export const auditFilterFrom = Effect.fnUntraced(function* (
  flags: Given
): Effect.fn.Return<Omit<AuditFilter, "order" | "limit">, CliFailure> {
  const workspaceId = yield* named(WorkspaceId, flags.workspace)
  const runId = yield* given(flags.run, runIdFrom)
  const fromMillis = yield* given(flags.from, instantFrom)
  const beforeMillis = yield* given(flags.before, instantFrom)
  return {
    ...(workspaceId === undefined ? {} : { workspaceId }),
    ...(runId === undefined ? {} : { runId }),
    ...(fromMillis === undefined ? {} : { fromMillis }),
    ...(beforeMillis === undefined ? {} : { beforeMillis }),
    ...(Option.isNone(flags.action) ? {} : { action: flags.action.value }),
    ...(Option.isNone(flags.outcome) ? {} : { outcome: flags.outcome.value }),
    ...(Option.isNone(flags.after) ? {} : { after: flags.after.value })
  }
})
