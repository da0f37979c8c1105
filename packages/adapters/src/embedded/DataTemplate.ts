import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { PGlite } from "@electric-sql/pglite"
import { Schema } from "effect"
import { makeFolder } from "./makeFolder.ts"

/**
 * A freshly initialised data directory as a tar file. Making one takes PGlite seconds (it runs `initdb`); unpacking one
 * takes a fraction of a second, so the first one made is kept in the user's cache folder, per PGlite version.
 */

/** Small log segments: an empty database then takes 30 MB on disk rather than 40. To change this, count up `cacheFile`. */
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
  const { version } = Schema.decodeSync(PackageJson)(manifest)
  return join(cacheFolder(), `pglite-${version}-template-1.tar.zst`)
}

/** Kept for the process as well, for users without a writable cache folder. */
let compressed: Buffer<ArrayBuffer> | undefined

/** The template at hand, or `undefined` when none has been made or the kept one is damaged. */
export const find = (): Buffer<ArrayBuffer> | undefined => {
  try {
    compressed ??= readFileSync(cacheFile())
    return zstdDecompressSync(compressed)
  } catch {
    compressed = undefined
    return undefined
  }
}

/** Makes a template the long way, and keeps it. */
export const make = async (): Promise<Buffer<ArrayBuffer>> => {
  const engine = await PGlite.create({ initDbStartParams })
  await engine.exec("CHECKPOINT")
  const tar = Buffer.from(await (await engine.dumpDataDir("none")).arrayBuffer())
  await engine.close()
  compressed = zstdCompressSync(tar, {
    params: {
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_windowLog]: 25
    }
  })
  try {
    const file = cacheFile()
    makeFolder(dirname(file))
    // Renamed into place, so that nobody reads half a file.
    writeFileSync(`${file}.${process.pid}`, compressed, { mode: 0o600 })
    renameSync(`${file}.${process.pid}`, file)
  } catch {
    // A cache that cannot be written costs the next start time, not correctness.
  }
  return tar
}
