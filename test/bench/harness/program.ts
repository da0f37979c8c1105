/** Programs of ours as a user starts them, and what the kernel says of them. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Data, Effect } from "effect"

const ROOT = join(import.meta.dirname, "../../..")

/** A program did not do what it should have. */
export class ProgramFailed extends Data.TaggedError("ProgramFailed")<{ readonly message: string }> {}

/** Runs a script of the project's `package.json` to its end; answers the milliseconds it took. What it says goes to standard error. */
export const runScript = (script: string, ...args: ReadonlyArray<string>): Effect.Effect<number, ProgramFailed> =>
  Effect.callback((resume) => {
    const begun = performance.now()
    const npm = spawn("npm", ["run", script, "--", ...args], {
      cwd: ROOT,
      stdio: ["ignore", process.stderr, process.stderr],
      shell: process.platform === "win32"
    })
    const fail = (problem: string) =>
      resume(Effect.fail(new ProgramFailed({ message: `npm run ${script} ${problem}` })))
    npm.once("error", ({ message }) => fail(`did not start: ${message}`))
    npm.once("exit", (code) =>
      code === 0 ? resume(Effect.succeed(performance.now() - begun)) : fail(`ended with ${code}`)
    )
    return Effect.sync(() => npm.kill())
  })

/** A worker in a process of its own, ready. */
export interface Program {
  readonly pid: number
  /** From its start until it said that it is ready. */
  readonly readyMillis: number
}

const APP = join(import.meta.dirname, "../stores/app.ts")
const BINARY = join(ROOT, "packages/worker/dist/bundle/bin.js")

const becomesReady = (program: ChildProcess): Effect.Effect<number, ProgramFailed> =>
  Effect.callback((resume) => {
    const begun = performance.now()
    let said = ""
    program.stderr?.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000)
      if (said.includes("is ready")) resume(Effect.succeed(performance.now() - begun))
    })
    program.once("exit", () => resume(Effect.fail(new ProgramFailed({ message: `the worker has ended: ${said}` }))))
  })

/** Starts `countersign work`, as it is published, on this database; it is stopped with the scope. */
export const startWorker = Effect.fnUntraced(function* (url: string, concurrency: number) {
  const program = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [BINARY, "work", "--app", APP, "--concurrency", String(concurrency)], {
        env: { ...process.env, DATABASE_URL: url },
        stdio: ["ignore", "ignore", "pipe"]
      })
    ),
    (started) =>
      Effect.promise(async () => {
        if (started.exitCode !== null || started.signalCode !== null) return
        const gone = once(started, "exit")
        started.kill("SIGTERM")
        await gone
      })
  )
  const readyMillis = yield* becomesReady(program)
  const { pid } = program
  if (pid === undefined) return yield* new ProgramFailed({ message: "the worker did not start" })
  const running: Program = { pid, readyMillis }
  return running
})

/** The kernel counts processes' time in hundredths of a second. */
const MICROS_PER_TICK = 10_000

/** Processor time of one process of this machine, in microseconds; null where it cannot be told. */
export const processorMicrosOf = (pid: number): number | null => {
  try {
    // The name, in brackets, may hold blanks; the times are the 12th and 13th field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
  } catch {
    return null
  }
}

/** The most memory a process ever had, in MiB; null where it cannot be told. */
export const peakMebibytesOf = (pid: number): number | null => {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return kibibytes === undefined ? null : Number(kibibytes) / 1024
  } catch {
    return null
  }
}
