/** Stores that speak SQL: the embedded PostgreSQL and a real one. */

import { EmbeddedPostgres, layerPostgres, layerPostgresClient, migrate } from "@countersign/adapters"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { type Filled, NotRight, type Ports, type Stage, type Store } from "./Store.ts"
import { forgetRuns, seedFacts, seedFinished, seedQueued, settleDown } from "./seed.ts"
import { clientOf, freshDatabase } from "./server.ts"
import { ARCHIVED, TENANTS_PER_WORKSPACE } from "./world.ts"

const WORKSPACES = 200
/** Queued runs were dispatched an hour before the bench began, finished ones a day before. */
export const DISPATCHED_AT_MILLIS = Date.now() - 60 * 60 * 1000
const FINISHED_AT_MILLIS = DISPATCHED_AT_MILLIS - 24 * 60 * 60 * 1000

/** Finished runs that are always there: no plan is made for empty tables, which no installation has for long. */
const HISTORY = 5_000

/** Whether runs are to be decided about and audited. */
export type Gate = "kept" | "left out"

interface Found {
  readonly runs: number
  readonly wrong_state: number
  readonly wrong_decisions: number
  readonly wrong_audit: number
  readonly wrong_notices: number
}

/** What a run leaves behind at each stage, with the gate and without: its state, decisions, and audit records, as SQL. */
interface Traces {
  readonly state: string
  readonly decisions: number
  readonly audit: string
}

const traces: Readonly<Record<Gate, Readonly<Record<Stage, Traces>>>> = {
  kept: {
    dispatched: { state: "r.outcome = 'pending' AND r.status = 'queued'", decisions: 0, audit: "1" },
    admitted: {
      state: "CASE WHEN archived THEN r.outcome = 'blocked' ELSE r.status = 'running' END",
      decisions: 1,
      audit: "3"
    },
    completed: {
      state: "r.outcome = CASE WHEN archived THEN 'blocked' ELSE 'succeeded' END",
      decisions: 1,
      audit: "CASE r.outcome WHEN 'succeeded' THEN 4 ELSE 3 END"
    }
  },
  "left out": {
    dispatched: { state: "r.outcome = 'pending' AND r.status = 'queued'", decisions: 0, audit: "1" },
    admitted: { state: "r.status = 'running'", decisions: 0, audit: "1" },
    completed: { state: "r.outcome = 'succeeded'", decisions: 0, audit: "1" }
  }
}

/** Runs that are done with their stage are told by their status: whatever is still queued is backlog. */
const checking = (stage: Stage, { state, decisions, audit }: Traces) => `SELECT count(*)::integer AS runs,
  count(*) FILTER (WHERE (${state}) IS NOT TRUE)::integer AS wrong_state,
  count(*) FILTER (WHERE (SELECT count(*) FROM countersign.decisions d WHERE d.run_id = r.id)
    <> ${decisions})::integer AS wrong_decisions,
  count(*) FILTER (WHERE (SELECT count(*) FROM countersign.audit_records a WHERE a.run_id = r.id)
    <> ${audit})::integer AS wrong_audit,
  count(*) FILTER (WHERE (SELECT count(*) FROM countersign.notices n WHERE n.run_id = r.id)
    <> CASE WHEN r.status = 'completed' THEN 1 ELSE 0 END)::integer AS wrong_notices
FROM (SELECT *, substr(tenant_id, 8)::integer % ${TENANTS_PER_WORKSPACE} IN (${ARCHIVED.join(", ")}) AS archived
  FROM countersign.runs WHERE identity NOT LIKE 'finished/%'
  ${stage === "dispatched" ? "" : "AND status <> 'queued'"}) AS r`

const check = Effect.fnUntraced(function* (sql: PgClient.PgClient, stage: Stage, runs: number, gate: Gate = "kept") {
  const [found] = yield* sql.unsafe<Found>(checking(stage, traces[gate][stage]))
  const right = { runs, wrong_state: 0, wrong_decisions: 0, wrong_audit: 0, wrong_notices: 0 }
  if (found === undefined || JSON.stringify(found) !== JSON.stringify(right)) {
    return yield* new NotRight({ message: `the drain is not right: ${JSON.stringify(found)}, expected ${runs} runs` })
  }
})

const portsOver = (client: PgClient.PgClient) =>
  Effect.map(
    Layer.build(layerPostgres().pipe(Layer.provide(PgClient.layerFrom(Effect.succeed(client))))),
    (context): Context.Context<Ports> => context
  )

/** A database with the schema and the facts, to be filled with runs. */
const prepared = Effect.fnUntraced(function* (admin: PgClient.PgClient) {
  yield* Effect.provide(Effect.andThen(migrate(), seedFacts(WORKSPACES)), PgClient.layerFrom(Effect.succeed(admin)))
})

/** What a store over a database consists of. */
export interface StoreParts {
  readonly name: string
  readonly lanes: number
  readonly admin: PgClient.PgClient
  readonly ports: Context.Context<Ports>
  readonly gate?: Gate
}

/** A store of these parts. Each filling forgets all runs and begins with the same ones. */
export const storeOver = ({ name, lanes, admin, ports, gate }: StoreParts): Store => ({
  name,
  lanes,
  workspaces: WORKSPACES,
  filled: ({ queued, snapshots }) =>
    Effect.gen(function* () {
      yield* forgetRuns(snapshots === "known" ? "kept" : "forgotten")
      yield* seedFinished({ from: 0, to: HISTORY, workspaces: WORKSPACES, atMillis: FINISHED_AT_MILLIS })
      if (queued > 0) yield* queuedRuns(0, queued)
      yield* settleDown
      return { ports, check: (stage: Stage, runs: number) => check(admin, stage, runs, gate) }
    }).pipe(Effect.provideService(PgClient.PgClient, admin))
})

const queuedRuns = (from: number, to: number) =>
  seedQueued({ from, to, workspaces: WORKSPACES, atMillis: DISPATCHED_AT_MILLIS })

/** PostgreSQL in this process, in memory; it has one connection. */
export const openEmbedded = Effect.gen(function* () {
  const context = yield* Layer.build(EmbeddedPostgres.layer())
  const client = Context.get(context, PgClient.PgClient)
  yield* prepared(client)
  return storeOver({ name: "embedded", lanes: 1, admin: client, ports: yield* portsOver(client) })
})

export interface PostgresDatabase {
  readonly url: string
  readonly admin: PgClient.PgClient
  /** The same database through the product's own client, with so many connections, `lanes` of them for admissions. */
  readonly through: (name: string, connections: number, lanes: number) => ReturnType<typeof openStore>
}

/** Every port through the product's own client. */
export const portsAt = Effect.fnUntraced(function* (url: string, connections: number) {
  const context = yield* Layer.build(layerPostgresClient({ url, maxConnections: connections }))
  return yield* portsOver(Context.get(context, PgClient.PgClient))
})

const openStore = Effect.fnUntraced(function* (
  { url, admin }: Pick<PostgresDatabase, "url" | "admin">,
  name: string,
  connections: number,
  lanes: number
) {
  return storeOver({ name, lanes, admin, ports: yield* portsAt(url, connections) })
})

/** A database of its own on this server; `settings` are those of its sessions. */
export const openPostgres = Effect.fnUntraced(function* (
  serverUrl: string,
  settings: Readonly<Record<string, string>> = {}
) {
  const url = yield* freshDatabase(serverUrl, settings)
  const admin = yield* clientOf(url, 1)
  yield* prepared(admin)
  const database: PostgresDatabase = {
    url,
    admin,
    through: (name, connections, lanes) => openStore({ url, admin }, name, connections, lanes)
  }
  return database
})

/** A database with a backlog that stays: after each drain it is filled up again. */
export interface Backlog {
  /** Fills up what was drained. `check` counts every run drained so far. */
  readonly filledUp: Effect.Effect<Filled, unknown>
  readonly drained: (runs: number) => void
}

/** So many runs queued and as many finished, on a database of its own. */
export const openBacklog = Effect.fnUntraced(function* (serverUrl: string, size: number, connections: number) {
  const { url, admin } = yield* openPostgres(serverUrl)
  const ports = yield* portsAt(url, connections)
  let drained = 0
  let filled = 0
  const fill = Effect.gen(function* () {
    const to = size + drained
    if (filled === 0) {
      yield* seedFinished({ from: 0, to: size, workspaces: WORKSPACES, atMillis: FINISHED_AT_MILLIS })
    }
    if (to > filled) yield* queuedRuns(filled, to)
    filled = to
    yield* settleDown
  }).pipe(Effect.provideService(PgClient.PgClient, admin))
  yield* fill
  const backlog: Backlog = {
    filledUp: Effect.as(fill, {
      ports,
      check: (stage: Stage, runs: number) => check(admin, stage, drained + runs)
    }),
    drained: (runs) => {
      drained += runs
    }
  }
  return backlog
})

/** How far the server has written its log, in bytes. */
export const walPosition = (sql: PgClient.PgClient) =>
  Effect.map(
    sql<{ readonly bytes: number }>`SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
    ([row]) => row?.bytes ?? 0
  )

/** What the server says of itself. */
export const describeServer = (sql: PgClient.PgClient) =>
  Effect.map(
    sql<{
      readonly text: string
    }>`SELECT string_agg(name || ' ' || current_setting(name), ', ') AS text FROM unnest(ARRAY[
      'server_version', 'shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'fsync', 'synchronous_commit']) AS name`,
    ([row]) => `PostgreSQL: ${row?.text ?? ""}`
  )
