/** Where it was measured, and with which versions. */
import { createRequire } from "node:module"
import { cpus, totalmem } from "node:os"
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

const versionOf = (name: string): string => {
  const adapters = createRequire(import.meta.resolve("@countersign/adapters"))
  try {
    return `${name} ${decodePackage(adapters(`${name}/package.json`)).version}`
  } catch {
    return `${name} (version not told)`
  }
}

export const machineWith = (database: ReadonlyArray<string>): Machine => ({
  processor: cpus()[0]?.model.trim() ?? "unknown",
  processors: cpus().length,
  memoryGib: Math.round(totalmem() / 2 ** 30),
  versions: [`Node ${process.versions.node}`, ...["effect", "@effect/sql-pg", "@electric-sql/pglite"].map(versionOf)],
  database
})
