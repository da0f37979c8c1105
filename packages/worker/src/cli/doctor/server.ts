/** The doctor's checks of the server: does it answer, is it new enough, does its clock agree with ours. */
import { StoreUnavailable } from "@countersign/domain"
import { Clock, Effect, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { examined, type Finding, fail, ok, warn } from "./Finding.ts"

/** The oldest major version of PostgreSQL the schema works with. */
const OLDEST_SERVER = 14

/** From this difference on the doctor warns, in milliseconds. */
const CLOCK_MAX_DIFFERENCE = 1_000

/** Asks the database for one row. */
export const oneRow = <A>(
  schema: Schema.Codec<A, unknown>,
  operation: string,
  query: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>
): Effect.Effect<A, StoreUnavailable> =>
  query.pipe(
    Effect.mapError(
      (cause) =>
        new StoreUnavailable({ trouble: "rejected", operation, advice: "the database refuses it: see its log", cause })
    ),
    Effect.flatMap((rows) => Effect.orDie(Schema.decodeUnknownEffect(schema)(rows[0])))
  )

const Answer = Schema.Struct({ version: Schema.String, number: Schema.Int, now_millis: Schema.Finite })

/** The findings about the server. */
export const serverFindings: Effect.Effect<ReadonlyArray<Finding>, never, SqlClient.SqlClient> = Effect.gen(
  function* () {
    const sql = yield* SqlClient.SqlClient
    const beforeMillis = yield* Clock.currentTimeMillis
    const asked = oneRow(
      Answer,
      "ask the server",
      sql`SELECT current_setting('server_version') AS version,
      current_setting('server_version_num')::integer AS number,
      (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now_millis`
    )
    const findings = Effect.gen(function* () {
      const { version, number, now_millis } = yield* asked
      const afterMillis = yield* Clock.currentTimeMillis
      const major = Math.floor(number / 10_000)
      return [
        ok("connection", `the server answers in ${afterMillis - beforeMillis} ms`),
        major >= OLDEST_SERVER
          ? ok("server", `PostgreSQL ${version}`)
          : fail("server", `PostgreSQL ${version}`, `use PostgreSQL ${OLDEST_SERVER} or newer`),
        clockFinding(now_millis - (beforeMillis + afterMillis) / 2)
      ]
    })
    return yield* Effect.catch(findings, (error) =>
      Effect.map(examined("connection", Effect.fail(error)), (finding) => [finding])
    )
  }
)

const clockFinding = (differenceMillis: number): Finding => {
  const rounded = Math.round(Math.abs(differenceMillis))
  return rounded <= CLOCK_MAX_DIFFERENCE
    ? ok("clock", `this clock and the server's differ by ${rounded} ms`)
    : warn(
        "clock",
        `this clock and the server's differ by ${rounded} ms`,
        "set both by NTP: waiting times, leases and the age of facts are reckoned by workers' clocks"
      )
}
