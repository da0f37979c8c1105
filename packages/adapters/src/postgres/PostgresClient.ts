/** A client of a PostgreSQL server, set up for this work and with errors that say what to do. */
import { type Range, rangeProblem, StoreUnavailable } from "@countersign/domain"
import { PgClient } from "@effect/sql-pg"
import { type Duration, Effect, type Layer, Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import { MESSAGE_MAX_BYTES } from "../messageMax.ts"
import { storeUnavailable } from "./troubles.ts"

/** How the server is reached, and how it is to treat our sessions. */
export interface PostgresClientOptions {
  /** `postgres://user:password@host:port/database`, with `?sslmode=…` and the like as `libpq` has them. */
  readonly url: string | Redacted.Redacted
  /** Connections at most, one of which listens for work; 10 unless given. A single one does not: arrivals are noticed by polling only. */
  readonly maxConnections?: number
  /** Told to the server, which shows it among its sessions; `countersign` unless given. */
  readonly applicationName?: string
  /** How long one statement may take; a minute unless given. */
  readonly statementTimeoutMillis?: number
  /**
   * True when a pooler (PgBouncer, RDS Proxy) that gives out server connections for a transaction at a time stands between.
   * Settings of the session and prepared statements are then left alone, and arrivals are noticed by polling only.
   */
  readonly throughPooler?: boolean
}

const OLDEST_VERSION = 14
/** As many as a server can be set up for. */
const CONNECTIONS: Range = { least: 1, most: 262_143 }
const KEEP_ALIVE: Duration.Input = "30 seconds"

/**
 * What a stuck program may cost others: a transaction that is left open would hold its runs, and keep whoever changes
 * authority facts waiting.
 */
const IDLE_IN_TRANSACTION_MILLIS = 30_000
/** Nothing here waits long for a lock; who does is better told. */
const LOCK_TIMEOUT_MILLIS = 10_000
const STATEMENT_TIMEOUT_MILLIS = 60_000

const unusable = (advice: string, cause: unknown = new Error(advice)) =>
  new StoreUnavailable({ trouble: "unreachable", operation: "connect to the database", advice, cause })

/** Checked before anything is dialled, and never repeated in an error: it holds a password. */
const checkedUrl = (url: string | Redacted.Redacted): Effect.Effect<Redacted.Redacted, StoreUnavailable> =>
  Effect.suspend(() => {
    const text = typeof url === "string" ? url : Redacted.value(url)
    const parsed = URL.parse(text)
    if (parsed === null || (parsed.protocol !== "postgres:" && parsed.protocol !== "postgresql:")) {
      return Effect.fail(unusable("the address must look like postgres://user:password@host:5432/database"))
    }
    if (parsed.pathname.length <= 1) return Effect.fail(unusable("the address names no database after the last slash"))
    return Effect.succeed(Redacted.make(text))
  })

/**
 * How our sessions plan. `force_generic_plan`: every statement is planned once for each connection; otherwise the server plans
 * statements with arrays again at each call, which costs small batches a third of their speed. Without sequential scans: a plan
 * that was made while a table was small must still be right when it has grown, and there is an index for everything we ask
 * often. Without compilation: its threshold would be passed by what a ruled-out scan is said to cost.
 */
export const PLANNER_SETTINGS = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  random_page_cost: "1.1",
  jit: "off"
} as const

const settingsOf = ({ statementTimeoutMillis = STATEMENT_TIMEOUT_MILLIS }: PostgresClientOptions) => ({
  ...PLANNER_SETTINGS,
  // Whatever is the default of the database or the role: facts have to be read by a later snapshot than the claim was.
  default_transaction_isolation: "read committed",
  statement_timeout: String(statementTimeoutMillis),
  lock_timeout: String(LOCK_TIMEOUT_MILLIS),
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MILLIS)
})

const make = Effect.fnUntraced(function* (options: PostgresClientOptions) {
  const { maxConnections = 10, applicationName = "countersign", throughPooler = false } = options
  const url = yield* checkedUrl(options.url)
  const problem = rangeProblem(maxConnections, CONNECTIONS)
  if (problem !== null) return yield* unusable(`maxConnections ${problem}`)
  const connecting = Effect.mapError((cause: unknown) => storeUnavailable("connect to the database", cause))
  const client = yield* PgClient.make({
    url,
    maxConnections,
    applicationName,
    keepAlive: KEEP_ALIVE,
    maxMessageSize: MESSAGE_MAX_BYTES,
    ...(throughPooler ? { prepare: false } : { startupParameters: settingsOf(options) })
  }).pipe(connecting)
  const [row] = yield* client<{ readonly version: number }>`
    SELECT current_setting('server_version_num')::integer / 10000 AS version`.pipe(connecting)
  if (row === undefined || row.version < OLDEST_VERSION) {
    return yield* unusable(`the server is too old: it must be PostgreSQL ${OLDEST_VERSION} or later`)
  }
  // Listening keeps a connection for itself: everybody else would wait for the only one, and for ever.
  return maxConnections > 1 ? client : Object.assign(client, { listen: () => Effect.never })
})

/**
 * A pool of connections, the first of which is made at once: an address, user or password that does not work fails the layer.
 */
export const layerPostgresClient = (
  options: PostgresClientOptions
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, StoreUnavailable> => PgClient.layerFrom(make(options))
