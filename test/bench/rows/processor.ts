/** Row 8: processor time for an admission. Unlike runs per second it hardly depends on what else the machine does. */
import { readFileSync } from "node:fs"
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Store } from "../stores/Store.ts"
import { millisToAdmit } from "./drain.ts"

const BATCH = 100
/** The kernel counts processes' time in hundredths of a second. */
const MICROS_PER_TICK = 10_000

const clientMicros = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Time of one process of this machine; 0 when it cannot be told. */
const processMicros = (pid: number): number => {
  try {
    // The name, in brackets, may hold blanks; the times are the 12th and 13th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
  } catch {
    return 0
  }
}

const serverMicros = (admin: PgClient.PgClient) =>
  Effect.map(
    admin<{ readonly pid: number }>`SELECT pid FROM pg_stat_activity WHERE datname = current_database()`,
    (rows) => rows.reduce((sum, { pid }) => sum + processMicros(pid), 0)
  )

const caseOf = (store: Store, runs: number, admin: PgClient.PgClient | null): Case => ({
  name: store.name,
  measure: Effect.gen(function* () {
    const { ports, check } = yield* store.filled({ queued: runs })
    const server = admin === null ? Effect.succeed(0) : serverMicros(admin)
    collectGarbage()
    const before = { client: clientMicros(), server: yield* server }
    yield* Effect.provide(millisToAdmit(store, runs, BATCH), ports)
    const client = clientMicros() - before.client
    const onServer = (yield* server) - before.server
    yield* check("admitted", runs)
    const line = `${store.name}, batch ${BATCH}`
    return [
      { line, column: "client", value: client / runs },
      ...(onServer > 0 ? [{ line, column: "server", value: onServer / runs }] : [])
    ]
  })
})

/** `admin` looks at the processes of the server; null for a database in this process. */
export const processorRow = (store: Store, runs: number, admin: PgClient.PgClient | null): Row => ({
  key: "processor",
  title: "8. Processor time of an admission",
  unit: "microseconds per run",
  remark:
    "Client: this process, which for the embedded database is everything. Server: its processes for our connections, where they run on this machine.",
  cases: [caseOf(store, runs, admin)]
})
