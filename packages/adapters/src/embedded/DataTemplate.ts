import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { PGlite } from "@electric-sql/pglite"
import { Schema } from "effect"

/**
 * A freshly initialised data directory as a tar file. Making one takes PGlite seconds (it runs `initdb`); unpacking one
 * takes a fraction of a second, so the first one made is kept in the user's cache folder, per PGlite version.
 */

/** Small log segments: an empty database then takes 30 MB on disk rather than 40. */
const initDbStartParams = ["--no-sync", "--wal-segsize=1"]

const PackageJson = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const cacheFolder = (): string => {
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library", "Caches", "countersign")
    case "win32":
      return join(process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "countersign", "cache")
    default:
      return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "countersign")
  }
}

const cacheFile = (): string => {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite")
  const manifest = readFileSync(join(dirname(entry), "..", "package.json"), "utf8")
  const { version } = Schema.decodeUnknownSync(PackageJson)(manifest)
  return join(cacheFolder(), `pglite-${version}-empty.tar.zst`)
}

const asBlob = (tar: Buffer<ArrayBuffer>) => new Blob([tar], { type: "application/x-tar" })

/** Kept for the process as well, for users without a writable cache folder. */
let compressed: Buffer<ArrayBuffer> | undefined

/** The template at hand, or `undefined` when none has been made or the kept one is unreadable. */
export const find = (): Blob | undefined => {
  try {
    compressed ??= readFileSync(cacheFile())
    return asBlob(zstdDecompressSync(compressed))
  } catch {
    compressed = undefined
    return undefined
  }
}

/** Forgets a template that proved unusable. */
export const forget = (): void => {
  compressed = undefined
  try {
    rmSync(cacheFile(), { force: true })
  } catch {
    // It will be overwritten.
  }
}

/** Initialises a database in memory the long way, keeps a template of it, and returns the running engine. */
export const initialise = async (): Promise<{ readonly engine: PGlite; readonly template: Blob }> => {
  const engine = await PGlite.create({ initDbStartParams })
  await engine.exec("CHECKPOINT")
  const tar = Buffer.from(await (await engine.dumpDataDir("none")).arrayBuffer())
  compressed = zstdCompressSync(tar, {
    params: {
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_windowLog]: 25
    }
  })
  try {
    const file = cacheFile()
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // Renamed into place, so that nobody reads half a file.
    writeFileSync(`${file}.${process.pid}`, compressed, { mode: 0o600 })
    renameSync(`${file}.${process.pid}`, file)
  } catch {
    // A cache that cannot be written costs the next start time, not correctness.
  }
  return { engine, template: asBlob(tar) }
}
