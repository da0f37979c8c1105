/**
 * Makes the published binary out of what `tsc` has built: one file with all that `countersign work` and an app of a host's load, others for
 * what single commands need beside it. See docs/adr/010.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "rolldown"

/** What an app may import as well: the bundle has each file of these under its own name, so that there is one copy of them. */
const SHARED = [
  "effect",
  "@effect/platform-node",
  "@effect/sql-pg",
  "@countersign/domain",
  "@countersign/adapters",
  "@countersign/worker"
]

/** What apps begin with. */
const OPENINGS = ["effect", "@countersign/domain", "@countersign/adapters", "@countersign/worker"]

const manifestOf = (name: string) => fileURLToPath(import.meta.resolve(`${name}/package.json`))
const read = (manifest: string) => JSON.parse(readFileSync(manifest, "utf8"))
const distOf = (name: string) => manifestOf(name).replace(/package\.json$/, "dist/")
const dist = distOf("@countersign/worker")
const openings = OPENINGS.map((name) => `${distOf(name)}index.js`)

/** A file's name in the bundle; null for what nobody imports from outside. */
const nameOf = (id: string): string | null => {
  if (/^(bundled|cli|demo)\/|^bin\.js$/.test(id.startsWith(dist) ? id.slice(dist.length) : "")) return null
  const owner = SHARED.find((name) => id.startsWith(distOf(name)))
  return owner === undefined ? null : `${owner}/dist/${id.slice(distOf(owner).length)}`
}

const shared: Plugin = {
  name: "shared",
  moduleParsed({ id, isEntry }) {
    const fileName = nameOf(id)
    if (fileName !== null && !isEntry) this.emitFile({ type: "chunk", id, fileName, preserveSignature: "strict" })
  },
  generateBundle() {
    const versions = Object.fromEntries(SHARED.map((name) => [name, read(manifestOf(name)).version]))
    this.emitFile({ type: "asset", fileName: "packages.json", source: JSON.stringify(versions) })
  }
}

/** What is known of the modules once all are parsed. */
interface Graph {
  readonly getModuleInfo: (id: string) => { readonly importedIds: ReadonlyArray<string> } | null
}

const reached = new Set<string>()
const reach = (id: string, graph: Graph): void => {
  if (reached.has(id)) return
  reached.add(id)
  for (const imported of graph.getModuleInfo(id)?.importedIds ?? []) reach(imported, graph)
}

/** Whether `countersign work`, or an app, loads it at once. */
const isCore = (id: string, graph: Graph): boolean => {
  for (const first of [`${dist}cli/process.js`, `${dist}cli/commands/work.js`, ...openings]) reach(first, graph)
  return reached.has(id)
}

/** While it loads it asks for a stack trace, and a trace through a file as large as the core takes as long as fifty other modules. */
const LOOKS_AT_ITS_STACK = `${distOf("effect")}Utils.js`

/** What the manifest names beside the shared packages stays where it is: parts with files of their own, and what secures. */
const external = Object.keys(read(manifestOf("@countersign/worker")).dependencies)
  .filter((name) => !SHARED.includes(name))
  .map((name) => new RegExp(`^${name}(/|$)`))

await build({
  input: {
    bin: `${dist}bundled/bin.js`,
    ...Object.fromEntries(openings.map((file) => [nameOf(file)?.replace(/\.js$/, ""), file]))
  },
  platform: "node",
  external,
  plugins: [shared],
  // `monitor` is in the core for a flag of its own; loading it by itself then costs nothing.
  checks: { ineffectiveDynamicImport: false },
  output: {
    dir: `${dist}bundle`,
    cleanDir: true,
    comments: false,
    // Names and lines stay: a stack trace leads to code that can be read.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    codeSplitting: {
      groups: [
        {
          debugName: "by need",
          name: (id, graph) => {
            if (id === LOOKS_AT_ITS_STACK) return "apart"
            return isCore(id, graph) ? "core" : nameOf(id) === null ? null : "more"
          }
        }
      ]
    }
  }
})
