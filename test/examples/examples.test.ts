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
    "1000 of 1000 runs are new",
    "Succeeded",
    "Blocked — the person who started it left the workspace"
  ])
})

it("tenant-operations: six operations done, then stopped while they wait, then in the middle", async () => {
  assert.deepStrictEqual(await run("tenant-operations"), [
    "Monday. Everything is in order; the provider is busy once.",
    "  Run the scheduled backup for contoso, by the schedule: Succeeded (9 policies)",
    "  Check the provider connection for contoso, by Nora: Succeeded",
    "  Sync the inventory for contoso, by Tim: Succeeded (7 devices, 0 removed)",
    "  Sync the directory groups for contoso, by Tim: Succeeded (3 added, 0 removed, 0 updated)",
    "  Delete policies in bulk for contoso, by Nora: Partially succeeded — The policy policy-9 is locked. (1 failed, 3 deleted)",
    "  the provider has 6 policies left",
    "  Restore a backup for contoso, by Max: Succeeded (9 restored)",
    "  the provider has 9 policies again",
    "Tuesday. Five runs wait, each of them legitimate when it was dispatched.",
    "  Ole leaves the company, Fabrikam is archived, Tailspin's connector is paused,",
    "  Wingtip's last hardening check is two days old, and Contoso freezes changes.",
    "  Sync the inventory for contoso, by Ole: Blocked — the account that started it is disabled",
    "  Sync the directory groups for fabrikam, by Nora: Blocked — the tenant is archived",
    "  Run the scheduled backup for tailspin, by the schedule: Blocked — the provider connection is disabled",
    "  Restore a backup for wingtip, by Max: Blocked — the write gate was not checked recently enough",
    "  Delete policies in bulk for contoso, by Max: Blocked — the prerequisite “change_window_open” is not satisfied",
    "  requests that reached the provider: 0",
    "Wednesday. Nora deletes all nine policies; at the fourth she is taken off the customer.",
    "  Delete policies in bulk for contoso, by Nora: Blocked — the person who started it has no access to the tenant (0 failed, 6 deleted)",
    "  policies the provider still has: policy-7, policy-8, policy-9"
  ])
})

it("notices: the person hears of the blocked run, and so does the operator's webhook", async () => {
  assert.deepStrictEqual(await run("notices"), [
    "notice.created: invoice.send: Blocked — the person who started it left the workspace",
    "run.blocked: invoice.send: Blocked — the person who started it left the workspace"
  ])
})

it("monitoring: the pages in two hosts, for whom they are", async () => {
  assert.deepStrictEqual(await run("monitoring"), [
    "Express: Ada 200, nobody 401, Zoe of elsewhere 404",
    "Hono: Ada 200, nobody 401, Zoe of elsewhere 404"
  ])
})

it("the README shows the quickstart as it is", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8")
  const program = await readFile(join(root, "examples/quickstart/main.ts"), "utf8")
  assert.include(readme, program.trim())
})
