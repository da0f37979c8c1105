/** What is generated from the code is as the code is now. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

const run = promisify(execFile)
const rootFolder = new URL("../../", import.meta.url)
const node = (...args: ReadonlyArray<string>) =>
  run(process.execPath, ["--conditions=@countersign/source", ...args], {
    cwd: rootFolder,
    env: { ...process.env, NO_COLOR: "1" }
  })
const read = (path: string) => readFile(new URL(path, rootFolder), "utf8")

describe("what is generated", () => {
  it("the schema, and the tables and the diagram of the README, are not stale", async () => {
    // On failure it names what is stale; `npm run generate` writes it anew.
    await node("packages/domain/scripts/generate.ts", "--check")
  })

  it("the schema is published with the package", async () => {
    const manifest: { readonly files: ReadonlyArray<string>; readonly exports: Readonly<Record<string, unknown>> } =
      JSON.parse(await read("packages/domain/package.json"))
    assert.include(manifest.files, "schema")
    assert.strictEqual(
      manifest.exports["./execution-legitimacy.schema.json"],
      "./schema/execution-legitimacy.schema.json"
    )
  })

  it("the example of the README does what the README says", async () => {
    const readme = await read("packages/domain/README.md")
    const blockOf = (language: string) => readme.split(`\`\`\`${language}\n`)[1]?.split("```")[0]
    assert.strictEqual(blockOf("ts"), await read("test/domain/readme/example.ts"))
    const { stdout } = await node("test/domain/readme/example.ts")
    assert.strictEqual(stdout, blockOf("text"))
  })
})
