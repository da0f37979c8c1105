import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { Effect, Option, Schema, type Scope } from "effect"
import { EmbeddedPostgresUnavailable } from "./EmbeddedPostgresUnavailable.ts"

/** The name of the lock file inside a data folder. */
export const lockFileName = "countersign.lock"

/**
 * Who holds the folder. `birth` tells a process from a later one with the same number (in a container every process is
 * number 1); it is only known on Linux.
 */
const Holder = Schema.fromJsonString(
  Schema.Struct({ pid: Schema.Int, host: Schema.String, birth: Schema.NullOr(Schema.String) })
)
const decodeHolder = Schema.decodeUnknownOption(Holder)
const encodeHolder = Schema.encodeSync(Holder)

const readIfPossible = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return null
  }
}

const birthOf = (pid: number): string | null => {
  const boot = readIfPossible("/proc/sys/kernel/random/boot_id")
  // The process name, second field, may hold spaces and brackets: count the fields after its closing bracket.
  const startTicks = readIfPossible(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ")[19]
  return boot === null || startTicks === undefined ? null : `${boot.trim()}:${startTicks}`
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** Only a process that is certainly gone frees the folder; a lock of another machine is never taken over. */
const isStale = (holder: { readonly pid: number; readonly host: string; readonly birth: string | null }): boolean =>
  holder.host === hostname() &&
  (!isRunning(holder.pid) || (holder.birth !== null && holder.birth !== birthOf(holder.pid)))

const describe = (contents: string | null): string =>
  Option.match(decodeHolder(contents), {
    onNone: () => "another process",
    onSome: (holder) => `process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`}`
  })

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined)

/**
 * Holds the folder for this process until the scope closes. A lock left behind by a process that died is taken over.
 *
 * Fails with `FolderInUse` while another live process (or this one) holds it, `FolderNotWritable` when no file can be
 * made there.
 */
export const hold = (folder: string): Effect.Effect<void, EmbeddedPostgresUnavailable, Scope.Scope> => {
  const path = join(folder, lockFileName)
  const ours = encodeHolder({ pid: process.pid, host: hostname(), birth: birthOf(process.pid) })

  const inUse = (contents: string | null) =>
    new EmbeddedPostgresUnavailable({
      reason: "FolderInUse",
      folder,
      problem: `The data folder ${folder} is in use by ${describe(contents)}`,
      advice: `Stop it, choose another folder, or delete ${path} if you are certain that nothing uses the folder`
    })

  /** `wx` fails when the file exists: the file system decides who was first. */
  const create = Effect.try({
    try: () => writeFileSync(path, ours, { flag: "wx", mode: 0o600 }),
    catch: (cause) =>
      codeOf(cause) === "EEXIST"
        ? inUse(readIfPossible(path))
        : new EmbeddedPostgresUnavailable({
            reason: "FolderNotWritable",
            folder,
            problem: `The data folder ${folder} cannot be written`,
            advice: "Give this user write access or choose another folder",
            cause
          })
  })

  const takeOver = Effect.suspend(() => {
    const seen = readIfPossible(path)
    if (!Option.exists(decodeHolder(seen), isStale)) return Effect.fail(inUse(seen))
    const aside = `${path}.${process.pid}`
    try {
      // Two processes may both have seen the stale lock. Whoever moves away something else puts it back and yields.
      renameSync(path, aside)
      if (readIfPossible(aside) !== seen) {
        renameSync(aside, path)
        return Effect.fail(inUse(readIfPossible(path)))
      }
      rmSync(aside, { force: true })
    } catch {
      // Somebody else moved it first; `create` decides.
    }
    return create
  })

  return Effect.acquireRelease(
    create.pipe(
      Effect.catchIf(
        (error) => error.reason === "FolderInUse",
        () => takeOver
      )
    ),
    () => Effect.sync(() => rmSync(path, { force: true }))
  )
}
