/** The command line as a process of its own, as a user meets it. */
import { spawn } from "node:child_process"
import { join } from "node:path"

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly ended: Promise<Ended>
  /** Resolves once standard error holds this text; rejects when the process ends without it. */
  readonly says: (text: string) => Promise<void>
  readonly kill: (signal: NodeJS.Signals) => void
  readonly closeStdout: () => void
}

const root = join(import.meta.dirname, "../../../..")

/** What Node is given to run it. */
export const command = ["--conditions=@countersign/source", join(root, "packages/worker/src/bin.ts")]

export interface Circumstances {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
}

/** Starts it, with nothing in its environment but what is given. */
export const start = (args: ReadonlyArray<string>, { env = {}, cwd = root, stdin }: Circumstances = {}): Started => {
  const child = spawn(process.execPath, [...command, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: "pipe"
  })
  let stdout = ""
  let stderr = ""
  const listeners = new Set<() => void>()
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    for (const listener of listeners) listener()
  })
  child.stdin.on("error", () => {})
  child.stdin.end(stdin ?? "")
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })))
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!stderr.includes(text)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      void ended.then(() => reject(new Error(`ended without saying ${text}: ${stderr}`)))
    })
  return { ended, says, kill: (signal) => child.kill(signal), closeStdout: () => child.stdout.destroy() }
}

/** Runs it to its end. */
export const run = (args: ReadonlyArray<string>, circumstances?: Circumstances): Promise<Ended> =>
  start(args, circumstances).ended

/** Every line of standard output as JSON; throws when one is not. */
export const jsonLines = ({ stdout }: Ended): ReadonlyArray<Record<string, unknown>> =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
