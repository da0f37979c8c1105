import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { PGlite } from "@electric-sql/pglite"
import { Effect, type Scope } from "effect"
import * as DataTemplate from "./DataTemplate.ts"
import { EmbeddedPostgresUnavailable } from "./EmbeddedPostgresUnavailable.ts"
import * as FolderLock from "./FolderLock.ts"
import { makeFolder } from "./makeFolder.ts"
import { untar } from "./untar.ts"

/**
 * The layout of a data folder: the lock, and the database in `data`. A new database is unpacked in `data.incoming` and
 * renamed when complete, so that a start that was cut short leaves nothing half made behind.
 */
const databaseFolder = "data"
const incomingFolder = "data.incoming"
const ownNames = new Set([databaseFolder, incomingFolder, FolderLock.lockFileName, "lost+found"])

const didNotStart = (folder: string | undefined, advice: string) => (cause: unknown) =>
  new EmbeddedPostgresUnavailable({
    reason: "DidNotStart",
    ...(folder === undefined ? {} : { folder }),
    problem: `The embedded database${folder === undefined ? "" : ` in ${folder}`} did not start`,
    advice,
    cause
  })

const prepare = (folder: string) =>
  Effect.try({
    try: () => {
      makeFolder(folder)
      return readdirSync(folder)
    },
    catch: (cause) =>
      new EmbeddedPostgresUnavailable({
        reason: "FolderNotWritable",
        folder,
        problem: `The data folder ${folder} cannot be created or read`,
        advice: "Give this user access to it or choose another folder",
        cause
      })
  }).pipe(
    Effect.flatMap((names) => {
      const isOurs = names.includes(databaseFolder)
        ? existsSync(join(folder, databaseFolder, "PG_VERSION"))
        : names.every((name) => name.startsWith(".") || name.startsWith(FolderLock.lockFileName) || ownNames.has(name))
      return isOurs
        ? Effect.void
        : Effect.fail(
            new EmbeddedPostgresUnavailable({
              reason: "FolderHoldsSomethingElse",
              folder,
              problem: `The folder ${folder} is not empty and holds no database of ours`,
              advice: "Choose an empty or new folder"
            })
          )
    })
  )

const createDatabase = async (folder: string): Promise<void> => {
  const incoming = join(folder, incomingFolder)
  rmSync(incoming, { recursive: true, force: true })
  mkdirSync(incoming, { mode: 0o700 })
  untar(DataTemplate.find() ?? (await DataTemplate.make()), incoming)
  renameSync(incoming, join(folder, databaseFolder))
}

const versionOf = (data: string): string => {
  try {
    return readFileSync(join(data, "PG_VERSION"), "utf8").trim()
  } catch {
    return "an unknown version"
  }
}

/** Opens the database in the folder, creating folder and database when missing. Holds the folder until the scope closes. */
export const openFolder = Effect.fnUntraced(function* (
  dataFolder: string
): Effect.fn.Return<PGlite, EmbeddedPostgresUnavailable, Scope.Scope> {
  const folder = resolve(dataFolder)
  const data = join(folder, databaseFolder)
  yield* prepare(folder)
  yield* FolderLock.hold(folder)
  if (!existsSync(data)) {
    yield* Effect.tryPromise({
      try: () => createDatabase(folder),
      catch: didNotStart(folder, "Check that the disk has 100 MB to spare, or choose another folder")
    })
  }
  return yield* Effect.tryPromise({
    try: () => PGlite.create({ dataDir: data }),
    catch: didNotStart(
      folder,
      `Its files were written by PostgreSQL ${versionOf(data)}: if they are of another version or damaged, move the folder away to start afresh`
    )
  })
})

/** Opens a database in memory. It is gone when closed. */
export const openMemory: Effect.Effect<PGlite, EmbeddedPostgresUnavailable> = Effect.tryPromise({
  try: async () => {
    const template = DataTemplate.find() ?? (await DataTemplate.make())
    return PGlite.create({ loadDataDir: new Blob([template], { type: "application/x-tar" }) })
  },
  catch: didNotStart(undefined, "Check that 300 MB of memory are free, or use a PostgreSQL server")
})
