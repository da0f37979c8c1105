/** Stores that speak SQL: the embedded PostgreSQL and a real one. */

import { EmbeddedPostgres, layerPostgres, layerPostgresClient, migrate } from "@countersign/adapters"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { check, type Gate } from "./check.ts"
import type { Filled, Ports, Stage, Store } from "./Store.ts"
import { forgetRuns, seedFacts, seedFinished, seedQueued, settleDown } from "./seed.ts"
import { clientOf, freshDatabase } from "./server.ts"

/** Workspaces of every store that speaks SQL. */
export const WORKSPACES = 200
/** Queued runs were dispatched an hour before the bench began, finished ones a day before. */
export const DISPATCHED_AT_MILLIS = Date.now() - 60 * 60 * 1000
const FINISHED_AT_MILLIS = DISPATCHED_AT_MILLIS - 24 * 60 * 60 * 1000

/** Finished runs that are always there: no plan is made for empty tables, which no installation has for long. */
const HISTORY = 5_000

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

/** A database that is there, with the schema and the facts. */
export const databaseAt = Effect.fnUntraced(function* (url: string) {
  const admin = yield* clientOf(url, 1)
  const database: PostgresDatabase = {
    url,
    admin,
    through: (name, connections, lanes) => openStore({ url, admin }, name, connections, lanes)
  }
  return database
})

/** A database of its own on this server; `settings` are those of its sessions. */
export const openPostgres = Effect.fnUntraced(function* (
  serverUrl: string,
  settings: Readonly<Record<string, string>> = {}
) {
  const database = yield* databaseAt(yield* freshDatabase(serverUrl, settings))
  yield* prepared(database.admin)
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
