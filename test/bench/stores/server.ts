/** A real PostgreSQL: the one BENCH_DATABASE_URL names, or one of our own for as long as the scope lasts. */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule } from "effect"

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no loopback port")
  return address.port
}

const ownServer = Effect.acquireRelease(
  Effect.promise(async () => {
    const port = await freePort()
    const password = randomBytes(16).toString("hex")
    const program = spawn(process.execPath, [join(import.meta.dirname, "postgresServer.ts"), String(port), password], {
      stdio: ["pipe", "ignore", "inherit"],
      detached: true
    })
    return { program, url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres` }
  }),
  ({ program }) =>
    Effect.promise(async () => {
      const gone = once(program, "exit")
      program.stdin?.end()
      await gone
    })
)

/** The URL of a server that answers; its user may create databases. */
export const postgresUrl = Effect.gen(function* () {
  const given = process.env.BENCH_DATABASE_URL ?? ""
  const url = given === "" ? (yield* ownServer).url : given
  yield* Effect.scoped(Effect.flatMap(clientOf(url, 1), (sql) => sql`SELECT 1`)).pipe(
    Effect.retry(Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(300)]))
  )
  return url
})

/** A pool that is open from the start, so that no connection is made while something is measured. */
export const clientOf = (url: string, connections: number) =>
  Effect.map(
    Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: connections, minConnections: connections })),
    (context) => Context.get(context, PgClient.PgClient)
  )

let made = 0

/** A database of its own on that server, gone with the scope; its sessions have these settings. Answers with its URL. */
export const freshDatabase = Effect.fnUntraced(function* (
  serverUrl: string,
  settings: Readonly<Record<string, string>> = {}
) {
  const admin = yield* clientOf(serverUrl, 1)
  made += 1
  const name = `countersign_bench_${process.pid}_${made}`
  yield* Effect.acquireRelease(admin`CREATE DATABASE ${admin(name)}`, () =>
    Effect.orDie(admin`DROP DATABASE ${admin(name)} WITH (FORCE)`)
  )
  for (const [setting, value] of Object.entries(settings)) {
    yield* admin.unsafe(`ALTER DATABASE ${name} SET ${setting} = '${value}'`)
  }
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
})
