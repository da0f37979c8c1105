/** What is said of the packages as a whole: their licence, and the oldest Node. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isNewEnough, OLDEST_NODE, tooOld } from "../../packages/worker/src/cli/nodeVersion.ts"

const root = join(import.meta.dirname, "../..")
const packages = ["domain", "adapters", "worker"]

const Manifest = Schema.Struct({
  name: Schema.String,
  description: Schema.NonEmptyString,
  license: Schema.Literal("MIT"),
  engines: Schema.Struct({ node: Schema.String })
})
const manifestOf = (name: string) =>
  Schema.decodeUnknownSync(Manifest)(JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")))

describe("packages", () => {
  it("every licence is the project's, and every package says what it is", () => {
    const licence = readFileSync(join(root, "LICENSE"), "utf8")
    for (const name of packages) {
      assert.strictEqual(manifestOf(name).name, `@countersign/${name}`)
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
    const importedBy = (file: string) =>
      [...readFileSync(join(root, "packages/worker/src", file), "utf8").matchAll(/^import .+ from "(.+)"$/gm)].map(
        ([, name]) => name
      )
    assert.deepStrictEqual(importedBy("bin.ts"), ["node:module", "./cli/nodeVersion.ts"])
    assert.deepStrictEqual(importedBy("bundled/bin.ts"), ["../cli/nodeVersion.ts", "./standIn.ts"])
    assert.deepStrictEqual(importedBy("bundled/standIn.ts"), ["node:fs", "node:module"])
    assert.isTrue(existsSync(join(root, "packages/worker/src/cli/process.ts")))
  })
})
