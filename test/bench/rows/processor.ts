/** Processor time for an admission. Unlike runs per second it hardly depends on what else the machine does. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import { processorMicrosOf } from "../harness/program.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Store } from "../stores/Store.ts"
import { millisToAdmit } from "./drain.ts"

const BATCH = 100
const clientMicros = (): number => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const serverMicros = (admin: PgClient.PgClient) =>
  Effect.map(
    admin<{ readonly pid: number }>`SELECT pid FROM pg_stat_activity WHERE datname = current_database()`,
    (rows) => rows.reduce((sum, { pid }) => sum + (processorMicrosOf(pid) ?? 0), 0)
  )

const caseOf = (store: Store, size: number, admin: PgClient.PgClient | null): Case => ({
  name: store.name,
  measure: Effect.fnUntraced(function* (share) {
    const runs = Math.ceil(size * share)
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
  title: "Processor time of an admission",
  unit: "microseconds per run",
  remark:
    "Client: this process, which for the embedded database is everything. Server: its processes for our connections, where they run on this machine.",
  cases: [caseOf(store, runs, admin)]
})
