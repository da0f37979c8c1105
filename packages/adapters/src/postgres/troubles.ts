/** What a database's errors mean to whoever called, and what to do about them. */
import { type StoreTrouble, StoreUnavailable } from "@countersign/domain"
import { Effect, Predicate } from "effect"
import { SqlError } from "effect/sql"

/** The five-character code PostgreSQL gives its errors, whatever driver brought it; null when there is none. */
export const sqlStateOf = (error: unknown): string | null => {
  const source = error instanceof SqlError.SqlError ? error.reason.cause : error
  return Predicate.hasProperty(source, "code") && typeof source.code === "string" ? source.code : null
}

const MIGRATE = "run `countersign migrate` with the version of countersign that this program uses"

interface Verdict {
  readonly trouble: StoreTrouble
  readonly advice: string
}

const verdict = (trouble: StoreTrouble, advice: string): Verdict => ({ trouble, advice })

const UNREACHABLE = verdict("unreachable", "check that the database runs and that its address is right")
const SCHEMA_MISMATCH = verdict("schema_mismatch", `the tables are not the ones this program knows: ${MIGRATE}`)

/** By code, or by its first two characters, the class. */
const verdicts: Readonly<Record<string, Verdict>> = {
  "08": UNREACHABLE,
  "57P01": verdict("unreachable", "the server ended the connection; it may be restarting"),
  "57P02": verdict("unreachable", "the server crashed; it may be restarting"),
  "57P03": verdict("unreachable", "the server is starting or stopping; try again in a moment"),
  "57P04": verdict("unreachable", "the database was dropped while it was worked on"),
  "57P05": verdict("unreachable", "the server ended a connection that was idle for longer than it allows"),
  "25P03": verdict("unreachable", "the server ended a transaction that was idle for longer than it allows"),
  "25P04": verdict("unreachable", "the server ended a transaction that took longer than it allows"),
  "58": verdict("unreachable", "the server has trouble with its machine, such as its disk: see its log"),
  "53": verdict("unreachable", "the server has too little of something left (connections, memory, disk): see its log"),
  "28": verdict("access_refused", "check user and password in the database's address"),
  "3D000": verdict("access_refused", "the database of this name does not exist: create it or correct the address"),
  "42501": verdict("access_refused", "the database user lacks a right: grant it what the worker's role needs"),
  "40P01": verdict("conflict", "another transaction was in the way; try again"),
  "40001": verdict("conflict", "another transaction was in the way; try again"),
  "55P03": verdict("conflict", "something was locked for too long; try again, or look for a transaction left open"),
  "57014": verdict("conflict", "the statement took too long and was stopped; try again, or raise its time limit"),
  "55000": verdict("unreachable", "the server does not let anybody in or do this at present; try again in a moment"),
  "25006": verdict("unreachable", "the server only reads at present: connect to the primary"),
  "3F000": SCHEMA_MISMATCH,
  "42P01": SCHEMA_MISMATCH,
  "42703": SCHEMA_MISMATCH,
  "42883": SCHEMA_MISMATCH
}

const REJECTED = verdict("rejected", "the database refuses it; the cause says why")

const verdictOn = (error: unknown): Verdict => {
  const code = sqlStateOf(error)
  if (code !== null) {
    const known = verdicts[code] ?? verdicts[code.slice(0, 2)]
    if (known !== undefined) return known
    // A driver's own codes (ECONNREFUSED, EPIPE and the like) are words; every code of PostgreSQL has a digit.
    if (!/\d/.test(code)) return UNREACHABLE
  }
  if (!(error instanceof SqlError.SqlError)) return REJECTED
  switch (error.reason._tag) {
    case "ConnectionError":
      return UNREACHABLE
    case "AuthenticationError":
      return verdict("access_refused", "check user and password in the database's address")
    default:
      return REJECTED
  }
}

/** The error as callers of the ports know it. `operation` is what was being done, such as `claim queued runs`. */
export const storeUnavailable = (operation: string, cause: unknown): StoreUnavailable =>
  new StoreUnavailable({ ...verdictOn(cause), operation, cause })

/** Gives every failure of an effect that name. */
export const during =
  (operation: string) =>
  <A, R>(effect: Effect.Effect<A, SqlError.SqlError, R>): Effect.Effect<A, StoreUnavailable, R> =>
    Effect.mapError(effect, (error) => storeUnavailable(operation, error))

/** A schema that is missing, older or newer than the code. */
export const schemaMismatch = (problem: string, advice = MIGRATE): StoreUnavailable =>
  new StoreUnavailable({
    trouble: "schema_mismatch",
    operation: "use the database",
    advice: `${problem}: ${advice}`,
    cause: new Error(problem)
  })

/** Whether the whole transaction may simply be made again: it lost against another one. */
export const isLostRace = (error: unknown): boolean => {
  const code = error instanceof StoreUnavailable ? sqlStateOf(error.cause) : sqlStateOf(error)
  return code === "40P01" || code === "40001"
}
