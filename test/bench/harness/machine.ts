/** Where it was measured, and with which versions. */
import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus, loadavg, totalmem } from "node:os"
import { join } from "node:path"
import { Schema } from "effect"

export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly memoryGib: number
  readonly versions: ReadonlyArray<string>
  /** What the PostgreSQL server says of itself; empty when none was used. */
  readonly database: ReadonlyArray<string>
}

const Package = Schema.Struct({ version: Schema.String })
const decodePackage = Schema.decodeUnknownSync(Package)

/** Read from the package's own folder: not every package lets its `package.json` be imported. */
const versionOf = (name: string): string => {
  const entry = createRequire(import.meta.resolve("@countersign/adapters")).resolve(name)
  const folder = entry.slice(0, entry.lastIndexOf(name) + name.length)
  return `${name} ${decodePackage(JSON.parse(readFileSync(`${folder}/package.json`, "utf8"))).version}`
}

/** As installed for the bench alone; nothing of those that are not. */
const peerVersionOf = (name: string): ReadonlyArray<string> => {
  const file = join(import.meta.dirname, "../peers/node_modules", name, "package.json")
  if (!existsSync(file)) return []
  return [`${name} ${decodePackage(JSON.parse(readFileSync(file, "utf8"))).version}`]
}

/** How many processes wanted a processor in the last minute: well above the number of processors, nothing here is worth much. */
export const loadNow = (): number => loadavg()[0] ?? 0

export const machineWith = (database: ReadonlyArray<string>): Machine => ({
  processor: cpus()[0]?.model.trim() ?? "unknown",
  processors: cpus().length,
  memoryGib: Math.round(totalmem() / 2 ** 30),
  versions: [
    `Node ${process.versions.node}`,
    ...["effect", "@effect/sql-pg", "@electric-sql/pglite"].map(versionOf),
    ...["pg-boss", "graphile-worker", "@casl/ability"].flatMap(peerVersionOf)
  ],
  database
})
