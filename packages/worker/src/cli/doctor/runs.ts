/** The doctor's checks of what lies in the tables: facts, notices, silent workers, runs that wait. */
import type { SchemaName } from "@countersign/adapters"
import {
  describeScope,
  Facts,
  Notices,
  OperationType,
  Pauses,
  RunStore,
  type StoreUnavailable,
  systemAuthority,
  UnitOfWork,
  WorkspaceId
} from "@countersign/domain"
import { Clock, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { LOOKED_AT_MAX, listWatched } from "../../Watching.ts"
import { countInWords } from "../render/words.ts"
import { examined, type Finding, fail, ok, warn } from "./Finding.ts"
import { oneRow } from "./server.ts"

/** A run that is available for this long and not taken is worth a warning, in milliseconds. */
const WAIT_MAX = 5 * 60_000

/** Asked about nobody's workspace: what counts is whether an answer comes. */
const NOBODY = {
  subject: {
    operationType: OperationType.make("doctor"),
    authority: systemAuthority,
    scope: { workspaceId: WorkspaceId.make("doctor"), tenantId: null, providerConnectionId: null }
  },
  requirements: null
}

/** Whether authority facts can be read. */
export const factsFinding: Effect.Effect<Finding, never, Facts> = Effect.gen(function* () {
  const facts = yield* Facts
  return yield* facts.read([NOBODY]).pipe(
    Effect.as(ok("facts", "authority facts can be read")),
    Effect.catch(({ source, advice }) => Effect.succeed(fail("facts", `facts from ${source} cannot be read`, advice)))
  )
})

/** How many notices wait. */
export const noticesFinding: Effect.Effect<Finding, never, Notices> = examined(
  "notices",
  Effect.gen(function* () {
    const notices = yield* Notices
    const pending = yield* notices.countPending
    return pending === 0
      ? ok("notices", "none waits to be delivered")
      : warn("notices", `${pending} wait to be delivered`, "a running worker delivers them; if they stay, see its log")
  })
)

const ORPHANS_MAX = 1_000

/** Whether runs are in the hands of workers that fell silent. Held for a moment, changed in nothing. */
export const orphansFinding: Effect.Effect<Finding, never, RunStore | UnitOfWork> = examined(
  "orphans",
  Effect.gen(function* () {
    const store = yield* RunStore
    const unit = yield* UnitOfWork
    const nowMillis = yield* Clock.currentTimeMillis
    const { runs, unreadable } = yield* unit.transact(store.holdOrphans(nowMillis, ORPHANS_MAX))
    if (unreadable.length > 0) {
      return fail(
        "orphans",
        `${unreadable.length} runs cannot be read`,
        "somebody changed their rows by hand; mend them there"
      )
    }
    return runs.length === 0
      ? ok("orphans", "no run is held by a worker that fell silent")
      : warn(
          "orphans",
          `${countInWords(runs.length, ORPHANS_MAX)} running runs are held by a worker that fell silent`,
          "any running worker takes them back; start one"
        )
  })
)

const STALE_MAX = 1_000

/** Whether active runs get on: those that have used most of their time to wait, or are held by nobody who answers. */
export const freshnessFinding: Effect.Effect<Finding, never, RunStore> = examined(
  "freshness",
  Effect.gen(function* () {
    const { watched, isCut } = yield* listWatched({ limit: STALE_MAX }, "likely_stale")
    const lookedAt = isCut ? `, of the newest ${LOOKED_AT_MAX}` : ""
    return watched.length === 0
      ? ok("freshness", `every queued and running run gets on${lookedAt}`)
      : warn(
          "freshness",
          `${countInWords(watched.length, STALE_MAX)} runs are likely stale${lookedAt}`,
          "see `countersign runs list --freshness likely_stale`, and whether their workers are running"
        )
  })
)

/** What is paused. Nothing is wrong with that, and nobody should have to guess. */
export const pausesFinding: Effect.Effect<Finding, never, Pauses> = examined(
  "pauses",
  Effect.gen(function* () {
    const pauses = yield* (yield* Pauses).list
    const [oldest] = pauses
    if (oldest === undefined) return ok("pauses", "nothing is paused")
    const others = pauses.length === 1 ? "" : `, and ${pauses.length - 1} more`
    return warn(
      "pauses",
      `paused is ${describeScope(oldest.scope)}, by ${oldest.by}: ${oldest.reason}${others}`,
      "see `countersign pauses`; `countersign resume` ends a pause"
    )
  })
)

const Census = Schema.Struct({
  queued: Schema.Int,
  running: Schema.Int,
  completed: Schema.Int,
  blocked: Schema.Int,
  waiting_since: Schema.NullOr(Schema.Finite)
})

/** How many runs there are, and whether some wait for too long. */
export const runsFinding = (schema: SchemaName): Effect.Effect<Finding, never, SqlClient.SqlClient> =>
  examined("runs", Effect.flatMap(census(schema), censusFinding))

const census = Effect.fnUntraced(function* (
  schema: SchemaName
): Effect.fn.Return<typeof Census.Type, StoreUnavailable, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  return yield* oneRow(
    Census,
    "count the runs",
    sql`SELECT count(*) FILTER (WHERE status = 'queued')::integer AS queued,
      count(*) FILTER (WHERE status = 'running')::integer AS running,
      count(*) FILTER (WHERE status = 'completed')::integer AS completed,
      count(*) FILTER (WHERE outcome = 'blocked')::integer AS blocked,
      (extract(epoch FROM min(available_at) FILTER (WHERE status = 'queued')) * 1000)::double precision AS waiting_since
      FROM ${sql(schema)}.runs`
  )
})

const censusFinding = Effect.fnUntraced(function* ({ waiting_since, ...counts }: typeof Census.Type) {
  const nowMillis = yield* Clock.currentTimeMillis
  const found = `${counts.queued} queued, ${counts.running} running, ${counts.completed} completed (${counts.blocked} blocked)`
  const waitedMillis = waiting_since === null ? 0 : nowMillis - waiting_since
  return waitedMillis <= WAIT_MAX
    ? ok("runs", found)
    : warn(
        "runs",
        `${found}; the oldest has waited for ${Math.round(waitedMillis / 60_000)} minutes`,
        "check that a worker with a handler for its operation is running"
      )
})
