import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { inject } from "vitest"

/** How long a server may take to start before tests give up on it. */
const startUpMillis = 30_000
const retryMillis = 50

const adminClient = Effect.suspend(() =>
  Layer.build(PgClient.layer({ url: Redacted.make(inject("postgresUrl")), maxConnections: 1 }))
).pipe(Effect.map((context) => Context.get(context, PgClient.PgClient)))

/** Waits for a server that is starting, in real time: the caller may run under a test clock. */
const awaitAnswer = (admin: PgClient.PgClient) =>
  Effect.suspend(() => {
    const deadline = performance.now() + startUpMillis
    return admin`SELECT 1`.pipe(
      Effect.tapError(() => Effect.promise(() => sleep(retryMillis))),
      Effect.retry({
        // Refused while it is not there, and "the database system is starting up" when it nearly is.
        while: ({ reason }) =>
          (reason._tag === "ConnectionError" || reason._tag === "UnknownError") && performance.now() < deadline
      })
    )
  })

/**
 * An empty database of its own: the URL, valid until the scope closes. Whoever is still connected then is cut off.
 */
export const freshDatabase: Effect.Effect<string, SqlError.SqlError, Scope.Scope> = Effect.gen(function* () {
  const admin = yield* adminClient
  yield* awaitAnswer(admin)
  const name = `test_${randomBytes(8).toString("hex")}`
  yield* Effect.acquireRelease(admin`CREATE DATABASE ${admin(name)}`, () =>
    Effect.orDie(admin`DROP DATABASE ${admin(name)} WITH (FORCE)`)
  )
  const url = new URL(inject("postgresUrl"))
  url.pathname = `/${name}`
  return url.href
})

/** A client of an empty database of its own, which is gone with the layer. */
export const layerFreshDatabase = (
  options: { readonly maxConnections?: number } = {}
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.unwrap(
    Effect.map(freshDatabase, (url) =>
      PgClient.layer({ url: Redacted.make(url), maxConnections: options.maxConnections ?? 10 })
    )
  )
