import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    /** A PostgreSQL server for this run; its user may create databases. It may still be starting. */
    readonly postgresUrl: string
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no loopback port")
  return address.port
}

/**
 * One PostgreSQL for the run: the one TEST_DATABASE_URL names, or our own. Does not wait for it, so that tests without a
 * database do not pay for one; those with one wait in `freshDatabase`.
 */
export default async function globalSetup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env.TEST_DATABASE_URL
  if (given !== undefined && given !== "") {
    project.provide("postgresUrl", given)
    return undefined
  }
  const port = await freePort()
  const password = randomBytes(16).toString("hex")
  project.provide("postgresUrl", `postgres://postgres:${password}@127.0.0.1:${port}/postgres`)
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, "postgresServer.ts"), String(port), password], {
    stdio: ["pipe", "ignore", "inherit"],
    // Of its own group: Ctrl-C is for the test run, the supervisor goes when the run has gone.
    detached: true
  })
  const gone = once(supervisor, "exit")
  return async () => {
    supervisor.stdin?.end()
    await gone
  }
}
