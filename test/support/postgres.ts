import { randomBytes } from "node:crypto"
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Redacted, Schedule, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { inject } from "vitest"

/** How long a server may take to start before tests give up on it. */
const startUp = Duration.seconds(60)

const adminClient = Effect.suspend(() =>
  Layer.build(PgClient.layer({ url: Redacted.make(inject("postgresUrl")), maxConnections: 1 }))
).pipe(Effect.map((context) => PgClient.PgClient.pipe(Effect.provide(context))), Effect.flatten)

/**
 * An empty database of its own: the URL, valid until the scope closes. Whoever is still connected then is cut off.
 */
export const freshDatabase: Effect.Effect<string, SqlError.SqlError, Scope.Scope> = Effect.gen(function* () {
  const admin = yield* adminClient
  yield* admin`SELECT 1`.pipe(
    Effect.retry({
      schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: startUp })),
      while: (error) => error.isRetryable
    })
  )
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
