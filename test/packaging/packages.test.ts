/** What is published can be used: each package has what its manifest names, and the binary runs from what was built. */
import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isNewEnough, OLDEST_NODE, tooOld } from "../../packages/worker/src/cli/nodeVersion.ts"

const root = join(import.meta.dirname, "../..")
const execute = promisify(execFile)
const packages = ["domain", "adapters", "worker"]

const Manifest = Schema.Struct({
  name: Schema.String,
  description: Schema.NonEmptyString,
  license: Schema.Literal("MIT"),
  engines: Schema.Struct({ node: Schema.String }),
  bin: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  exports: Schema.Record(
    Schema.String,
    Schema.Union([Schema.String, Schema.Struct({ types: Schema.String, default: Schema.String })])
  )
})
const manifestOf = (name: string) =>
  Schema.decodeUnknownSync(Manifest)(JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")))

const Packed = Schema.Tuple([Schema.Struct({ files: Schema.Array(Schema.Struct({ path: Schema.String })) })])

/** What the manifest promises to whoever installs the package. */
const promised = (name: string): ReadonlyArray<string> => {
  const { bin = {}, exports } = manifestOf(name)
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : [entry.types, entry.default]
  )
  return [...entries, ...Object.values(bin)].map((path) => path.replace(/^\.\//, ""))
}

describe("packages", { timeout: 180_000 }, () => {
  it("hold what they promise, a licence and a README; and the binary runs from what was built", async () => {
    await execute(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--build", "packages/worker"], {
      cwd: root
    })
    for (const name of packages) {
      const { stdout } = await execute("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"], {
        cwd: join(root, "packages", name)
      })
      const [{ files }] = Schema.decodeUnknownSync(Packed)(JSON.parse(stdout))
      const paths = files.map(({ path }) => path)
      for (const path of [...promised(name), "LICENSE", "README.md"]) assert.include(paths, path, name)
      assert.deepStrictEqual(
        paths.filter((path) => path.endsWith(".tsbuildinfo")),
        []
      )
    }
    const { stdout } = await execute(process.execPath, [
      join(root, "packages/worker/dist/bin.js"),
      "migrate",
      "--print"
    ])
    assert.include(stdout, 'CREATE SCHEMA IF NOT EXISTS "countersign"')
  })

  it("every licence is the project's", () => {
    const licence = readFileSync(join(root, "LICENSE"), "utf8")
    for (const name of packages) {
      assert.strictEqual(readFileSync(join(root, "packages", name, "LICENSE"), "utf8"), licence)
    }
  })

  it("a Node that is too old is told so, and which would do", () => {
    const { engines } = manifestOf("worker")
    assert.strictEqual(engines.node, `>=${OLDEST_NODE.major}.${OLDEST_NODE.minor}`)
    for (const old of ["18.0.0", "20.20.2", "22.18.9"]) {
      assert.isFalse(isNewEnough(old))
      assert.match(tooOld(old), /is too old\n {2}use Node 22\.19 or newer\n$/)
    }
    for (const good of ["22.19.0", "24.0.0", process.versions.node]) assert.isTrue(isNewEnough(good))
    // What it imports before it asks must not be more than any Node has.
    const bin = readFileSync(join(root, "packages/worker/src/bin.ts"), "utf8")
    assert.deepStrictEqual(
      [...bin.matchAll(/^import .+ from "(.+)"$/gm)].map(([, name]) => name),
      ["node:module", "./cli/nodeVersion.ts"]
    )
    assert.isTrue(existsSync(join(root, "packages/worker/src/cli/process.ts")))
  })
})
