/** What is measured in a process of its own: a program that answers questions with numbers. */
import { type ChildProcess, fork, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Data, Effect, Schema, Semaphore } from "effect"
import { say } from "./progress.ts"

const BENCH = join(import.meta.dirname, "..")
const PEERS = join(BENCH, "peers")

/** A program did not do what it was asked to. */
export class PeerFailed extends Data.TaggedError("PeerFailed")<{ readonly message: string }> {}

const Answer = Schema.Union([Schema.Struct({ value: Schema.Number }), Schema.Struct({ problem: Schema.String })])
const decodeAnswer = Schema.decodeUnknownSync(Answer)

const nextAnswer = (program: ChildProcess, name: string): Effect.Effect<number, PeerFailed> =>
  Effect.callback((resume) => {
    const end = (result: Effect.Effect<number, PeerFailed>) => {
      program.off("message", onMessage).off("exit", onExit)
      resume(result)
    }
    const onMessage = (message: unknown) => {
      const answer = decodeAnswer(message)
      end(
        "value" in answer
          ? Effect.succeed(answer.value)
          : Effect.fail(new PeerFailed({ message: `${name}: ${answer.problem}` }))
      )
    }
    const onExit = () => end(Effect.fail(new PeerFailed({ message: `${name} has ended` })))
    program.on("message", onMessage).on("exit", onExit)
  })

export interface Peer {
  /** Asks for one number; one question at a time. */
  readonly ask: (question: string, count: number) => Effect.Effect<number, PeerFailed>
}

const arePeersInstalled = (): boolean => existsSync(join(PEERS, "node_modules", "pg-boss"))

/** Starts the program of this name, of this folder of the bench, with these arguments; it ends with the scope. */
const openProgram = Effect.fnUntraced(function* (folder: string, name: string, args: ReadonlyArray<string>) {
  const program = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(folder, `${name}.ts`), [...args], {
        cwd: folder,
        execArgv: ["--conditions=@countersign/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (started) => Effect.sync(() => started.kill())
  )
  yield* nextAnswer(program, name)
  const turns = yield* Semaphore.make(1)
  const peer: Peer = {
    ask: (question, count) =>
      turns.withPermits(1)(
        Effect.suspend(() => {
          const answer = nextAnswer(program, name)
          program.send({ question, count })
          return answer
        })
      )
  }
  return peer
})

/** Another library. */
export const openPeer = (name: string, args: ReadonlyArray<string>) => openProgram(PEERS, name, args)

/** One of our own: what other rows do to a process, its compiled code and its memory, does not touch what it measures. */
export const openContender = (name: "contender" | "decide", args: ReadonlyArray<string>) =>
  openProgram(join(BENCH, "contenders"), name, args)

/** Installs the peers, if that was not done yet. */
export const installPeers: Effect.Effect<void, PeerFailed> = Effect.suspend(() => {
  if (arePeersInstalled()) return Effect.void
  say("pg-boss, graphile-worker and CASL are installed, this once")
  return Effect.callback<void, PeerFailed>((resume) => {
    const npm = spawn("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: PEERS,
      stdio: ["ignore", process.stderr, process.stderr],
      shell: process.platform === "win32"
    })
    const problem = new PeerFailed({ message: "the peers could not be installed; `--without peers` leaves them out" })
    npm.once("error", () => resume(Effect.fail(problem)))
    npm.once("exit", (code) => resume(code === 0 ? Effect.void : Effect.fail(problem)))
  })
})
