import { PgClient, type PgConnection } from "@effect/sql-pg"
import { Effect, type Layer, Option, Queue } from "effect"
import { type SqlClient, SqlError } from "effect/sql"
import { MESSAGE_MAX_BYTES } from "../messageMax.ts"
import { EmbeddedPostgresUnavailable } from "./EmbeddedPostgresUnavailable.ts"
import { WireServer } from "./WireServer.ts"

export { EmbeddedPostgresUnavailable } from "./EmbeddedPostgresUnavailable.ts"

/** Where the database lives: in `dataFolder` (created when missing; relative to the working directory) or in memory. */
export interface EmbeddedPostgresOptions {
  readonly dataFolder?: string | undefined
}

/** As PostgreSQL limits them; a longer name would be cut off and never match. */
const channelNameBytes = 63

const listenError = (message: string, cause: unknown = new Error(message)) =>
  new SqlError.SqlError({ reason: new SqlError.UnknownError({ cause, message, operation: "listen" }) })

/**
 * `PgClient.listen` reserves a connection for as long as it listens, and here there is one. Notifications do not need
 * it: the server sees them in whatever answer they travel with.
 */
const makeListen =
  (server: WireServer, client: PgClient.PgClient): PgClient.PgClient["listen"] =>
  (channel) =>
    Effect.gen(function* () {
      const bytes = Buffer.byteLength(channel)
      if (bytes === 0 || bytes > channelNameBytes || channel.includes("\0")) {
        return yield* listenError(`a channel name has 1 to ${channelNameBytes} bytes and no NUL`)
      }
      // It would wait for this very transaction to end.
      if (Option.isSome(yield* Effect.serviceOption(client.transactionService))) {
        return yield* listenError(
          "listen inside a transaction needs a second connection, which the embedded database has not"
        )
      }
      const name = `"${channel.replaceAll('"', '""')}"`
      const queue = yield* Effect.acquireRelease(
        Queue.unbounded<PgConnection.Notification, SqlError.SqlError>(),
        Queue.shutdown
      )
      yield* Effect.acquireRelease(
        Effect.sync(() => server.subscribe(channel, (notification) => Queue.offerUnsafe(queue, notification))),
        (unsubscribe) =>
          Effect.sync(() => {
            unsubscribe()
            // Not awaited: the scope may close inside a transaction, which has to end first.
            if (!server.hasSubscribers(channel)) void server.command(`UNLISTEN ${name}`)
          })
      )
      const problem = yield* Effect.promise(() => server.command(`LISTEN ${name}`))
      return problem === undefined ? queue : yield* listenError(problem)
    })

const make = Effect.fnUntraced(function* (options: EmbeddedPostgresOptions) {
  // The engine is loaded when one is opened: whoever works on a server does not wait for it.
  const { openFolder, openMemory } = yield* Effect.promise(() => import("./DataFolder.ts"))
  const opening = options.dataFolder === undefined ? openMemory : openFolder(options.dataFolder)
  // The engine starts to its end once it has begun: a folder that is free again must not have one that nobody closes.
  const server = yield* Effect.acquireRelease(
    Effect.map(opening, (engine) => new WireServer(engine)),
    (server) => Effect.promise(() => server.close())
  )
  const client = yield* PgClient.make({
    stream: () => server.connect(),
    ssl: false,
    username: "postgres",
    database: "postgres",
    maxConnections: 1,
    maxMessageSize: MESSAGE_MAX_BYTES
  })
  yield* client`SELECT 1`
  return Object.assign(client, {
    listen: makeListen(server, client),
    // The client's own `notify` takes a connection from the pool even inside a transaction: the one that waits for it.
    notify: (channel: string, payload: string) => Effect.asVoid(client`SELECT pg_notify(${channel}, ${payload})`)
  })
})

/**
 * PostgreSQL inside this process (PGlite), behind the same client as a server.
 *
 * Guarantees: the same SQL, types, error reasons, transactions and savepoints as a server; with `dataFolder`, what was
 * committed is there after a reopen or a crash of the process (not after a crash of the machine: nothing is fsynced).
 * The folder is held for this process; the database is closed with the scope.
 *
 * Fails with {@link EmbeddedPostgresUnavailable}, whose message says what to do.
 *
 * **Gotchas**
 *
 * - One session. Whoever asks for the connection while a transaction is open waits for its end, so a transaction must
 *   not wait for another fiber's statement. Row locks and `SKIP LOCKED` never find a competitor.
 * - Statements run on this thread: `pg_sleep` stops the program, and neither interruption nor `statement_timeout`
 *   ends a statement that runs.
 * - Interruption while it starts takes effect when it has started: the folder is not free before.
 * - `listen` does not keep the connection; it fails inside a transaction. `notify` inside a transaction is delivered at
 *   its commit.
 */
export const layer = (
  options: EmbeddedPostgresOptions = {}
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, EmbeddedPostgresUnavailable> =>
  PgClient.layerFrom(makeOrUnavailable(options))

const makeOrUnavailable = (options: EmbeddedPostgresOptions) =>
  make(options).pipe(
    Effect.catchTag("SqlError", (cause) =>
      Effect.fail(
        new EmbeddedPostgresUnavailable({
          reason: "DidNotStart",
          problem: "The embedded database started but does not answer",
          advice: "Start again; if it stays so, use a PostgreSQL server",
          cause
        })
      )
    )
  )
