/** The examples run as a reader would run them, and the README shows the very file that runs. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../..")

const run = async (example: string) => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@countersign/source", "main.ts"], {
    cwd: join(root, "examples", example)
  })
  return stdout.trimEnd().split("\n")
}

it("quickstart: the legitimate run is carried out, the other is blocked", async () => {
  assert.deepStrictEqual(await run("quickstart"), [
    "sending A-1",
    '{"invoice":"A-1"}: Succeeded',
    '{"invoice":"B-2"}: Blocked — the person who started it left the workspace'
  ])
})

it("promises: the same without Effect", async () => {
  assert.deepStrictEqual(await run("promises"), [
    "to ada: inventory_sync: Succeeded",
    "to ada: inventory_sync: Blocked — the person who started it left the workspace",
    "Succeeded",
    "Blocked — the person who started it left the workspace"
  ])
})

it("the README shows the quickstart as it is", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8")
  const program = await readFile(join(root, "examples/quickstart/main.ts"), "utf8")
  assert.include(readme, program.trim())
})
