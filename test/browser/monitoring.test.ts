/** The two pages in a real browser: every state, live, who may see what, and what hostile data does to them. */
import { readFileSync } from "node:fs"
import { MemoryAuthority } from "@countersign/adapters"
import { asRunning, moved, startStep, stepOf, succeedStep } from "@countersign/adapters/testing"
import { Pauses, type Run, RunStore, UserId } from "@countersign/domain"
import { Effect } from "effect"
import type { Browser, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { chromiumPath, launch } from "./support/chromium.ts"
import {
  CONTOSO,
  HOSTILE_NAME,
  openStage,
  type Stage,
  VIEWER_HEADER,
  type VIEWERS,
  WORKSPACE
} from "./support/stage.ts"

const axeSource = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8")

let stage: Stage
let browser: Browser

type Viewer = (typeof VIEWERS)[number] | "max"

interface Opened {
  readonly page: Page
  readonly status: number
  /** What the browser complained of. */
  readonly complaints: ReadonlyArray<string>
}

interface Look {
  readonly viewer?: Viewer
  readonly script?: boolean
}

/** Opens a page, lets a test look at it, and closes it; what the browser complains of fails the test. */
const looking = async (url: string, look: Look, act: (opened: Opened) => Promise<void>): Promise<void> => {
  const { viewer = "eve", script = true } = look
  const context = await browser.newContext({
    colorScheme: "light",
    viewport: { width: 1280, height: 900 },
    javaScriptEnabled: script,
    extraHTTPHeaders: { [VIEWER_HEADER]: viewer }
  })
  try {
    const page = await context.newPage()
    const complaints: Array<string> = []
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
    })
    page.on("pageerror", (error) => complaints.push(error.message))
    page.on("dialog", async (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`)
      await dialog.dismiss()
    })
    const home = new URL(stage.url).origin
    page.on("request", (request) => {
      if (!request.url().startsWith(`${home}/`) && !request.url().startsWith("data:"))
        complaints.push(`to ${request.url()}`)
    })
    const response = await page.goto(url)
    const status = response?.status() ?? 0
    await act({ page, status, complaints })
    // That a page was refused is a complaint of the browser's, and what was asked for.
    const unexpected = complaints.filter((text) => status === 200 || !text.includes(`status of ${status}`))
    assert.deepStrictEqual(unexpected, [], url)
  } finally {
    await context.close()
  }
}

/** Everything axe finds, with what it found it in. */
const findings = async (page: Page): Promise<ReadonlyArray<string>> => {
  // Playwright evaluates past the page's own policy, as a tester's tool may.
  if ((await page.evaluate("typeof axe")) === "undefined") await page.evaluate(axeSource)
  const found: unknown = await page.evaluate(`(() => { return axe.run(document, { resultTypes: ["violations"] }) })()
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html, any }) => html.slice(0, 160) + " " + (any[0]?.message ?? "")).join(" | ")))`)
  return Array.isArray(found) ? found.map(String) : [`axe answered ${String(found)}`]
}

/** The same page on a phone, at night. */
const darkAndNarrow = async (page: Page) => {
  await page.emulateMedia({ colorScheme: "dark" })
  await page.setViewportSize({ width: 360, height: 740 })
}

/** Whether nothing has to be moved sideways. */
const fitsIn = async (page: Page): Promise<boolean> =>
  (await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) === 0

const textOf = async (page: Page): Promise<string> => (await page.locator("main").innerText()).replaceAll(/\s+/g, " ")

const idsIn = async (page: Page): Promise<ReadonlyArray<string>> =>
  page.locator("tbody tr[id]").evaluateAll((rows) => rows.map((row) => row.id.slice("run-".length)))

/** Goes where a link of this name leads, and waits until it is there. */
const follow = async (page: Page, name: string): Promise<void> => {
  const link = page.getByRole("link", { name, exact: true })
  const address = await link.evaluate((one) => one.getAttribute("href") ?? "")
  await link.click()
  await page.waitForURL(new URL(address, page.url()).href)
}

/** What each state's page has to say, first of all. */
const SAYS: Readonly<Record<Exclude<keyof Stage["runs"], "elsewhere" | "hostile">, ReadonlyArray<string>>> = {
  succeeded: ["Succeeded", "Its work is done", "420"],
  partial: [
    "Partially succeeded",
    "Two policies are locked",
    "Next step",
    "start the operation again for the rest",
    "118"
  ],
  blocked: [
    "Blocked",
    "The write gate is closed",
    "Next step Mend what the hardening check",
    "Failed Are the connection"
  ],
  blockedPermission: [
    "Blocked",
    "no longer has the permission",
    "Next step Ask an administrator for a role",
    "Not applicable"
  ],
  blockedTenant: ["Blocked", "The tenant is archived", "Next step Restore the tenant"],
  failed: ["Failed", "The provider did not answer within 30 seconds.", "Next step Look at the failure"],
  revoked: ["Blocked", "left the workspace", "37", "Blocked while running"],
  reconciled: ["Failed", "Given up.", "waited longer than its limit"],
  cancelled: ["Cancelled", "It was cancelled by eve."],
  system: [
    "Blocked",
    "The tenant is archived",
    "the schedule",
    "may run without a person",
    "Slot of a schedule nightly"
  ],
  workspaceLevel: ["Blocked", "for the whole workspace north", "it is about the workspace as a whole"],
  stale: ["Queued", "Likely stale.", "look whether workers are there", "Nothing is decided yet"],
  orphaned: ["Running", "Likely stale.", "Attempt 1 of 3"],
  held: [
    "Held",
    "The provider connection is not connected",
    "Next step Reconnect",
    "goes on by itself",
    "Asked about again"
  ],
  retrying: ["Queued", "Waiting for attempt 2", "May start in"],
  running: ["Running", "Attempt 1 of 3", "Running or waiting since the start"],
  waiting: ["Queued", "It waits for a worker", "Nothing is decided yet"]
}

describe.skipIf(chromiumPath === undefined)("Monitoring in a browser", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    stage = await openStage()
    browser = await launch()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await stage?.close()
  })

  for (const [name, words] of Object.entries(SAYS)) {
    it(`a run that is ${name}: says so, why and what next, and nothing that only machines read`, async () => {
      const run = Object.entries(stage.runs).find(([known]) => known === name)?.[1]
      assert.isDefined(run)
      await looking(stage.pageOf(run), {}, async ({ page, status }) => {
        assert.strictEqual(status, 200)
        const text = await textOf(page)
        for (const word of words) assert.include(text, word)
        assert.notMatch(
          text,
          /workspace_scope|missing_capability|write_gate_blocked|not_held|do-not-show|\bnull\b|undefined|\[object/
        )
        assert.notInclude(await page.content(), "do-not-show")
        assert.deepStrictEqual(await findings(page), [])
        await darkAndNarrow(page)
        assert.deepStrictEqual(await findings(page), [])
        assert.isTrue(await fitsIn(page))
      })
    })
  }

  it("what is blocked is a warning and what failed a danger, in words as well", async () => {
    for (const [run, tone, word] of [
      [stage.runs.blocked, "warning", "Blocked"],
      [stage.runs.failed, "danger", "Failed"]
    ] as const) {
      await looking(stage.pageOf(run), {}, async ({ page }) => {
        assert.strictEqual(await page.locator(`.verdict.tone-${tone} .badge.tone-${tone}`).innerText(), word)
      })
    }
  })

  it("codes and objects are folded away, and there", async () => {
    await looking(stage.pageOf(stage.runs.blocked), {}, async ({ page }) => {
      assert.isFalse(await page.getByText("write_gate_blocked").first().isVisible())
      await page.getByText("Diagnostics").click()
      assert.isTrue(await page.getByText("write_gate_blocked").first().isVisible())
      assert.deepStrictEqual(await findings(page), [])
    })
  })

  it("the list: states, reasons, ages in words, and a picture with its table", async () => {
    await looking(stage.url, {}, async ({ page, status }) => {
      assert.strictEqual(status, 200)
      const text = await textOf(page)
      for (const word of [
        "The provider connection is not connected",
        "The tenant is archived",
        "min ago",
        "Likely stale"
      ]) {
        assert.include(text, word)
      }
      assert.notMatch(text, /missing_capability|tenant_not_operable|do-not-show|undefined|\[object/)
      await page.getByText("As a table").click()
      assert.deepStrictEqual(await findings(page), [])
      await darkAndNarrow(page)
      assert.deepStrictEqual(await findings(page), [])
      assert.isTrue(await fitsIn(page))
    })
  })

  it("without JavaScript both pages are whole, and the filter works", async () => {
    await looking(stage.url, { script: false }, async ({ page }) => {
      await page.selectOption("#outcome", "failed")
      await page.getByRole("button", { name: "Show" }).click()
      assert.strictEqual(new URL(page.url()).searchParams.get("outcome"), "failed")
      assert.sameMembers(
        [...(await idsIn(page))],
        [stage.runs.failed, stage.runs.reconciled, stage.runs.hostile].map(({ dispatch }) => dispatch.id)
      )
      await page.locator("tbody a").first().click()
      assert.strictEqual(await page.getByRole("heading", { level: 1 }).count(), 1)
    })
  })

  it("every condition of the filter lives in the address, and is what it says", async () => {
    const { runs } = stage
    const shown: ReadonlyArray<readonly [query: string, Record<string, Run>, "all" | "some"]> = [
      ["status=running", { a: runs.running, b: runs.orphaned }, "all"],
      ["held=yes", { a: runs.held }, "all"],
      ["outcome=cancelled", { a: runs.cancelled }, "all"],
      ["outcome=partially_succeeded&type=policy.bulk_delete", { a: runs.partial }, "all"],
      ["tenant=fabrikam", { a: runs.system, b: runs.blockedTenant }, "all"],
      ["reason=write_gate_blocked", { a: runs.blocked }, "all"],
      ["reason=provider_connection_invalid", { a: runs.held }, "all"],
      ["freshness=likely_stale", { a: runs.stale, b: runs.orphaned }, "all"],
      ["freshness=reconciled_failed", { a: runs.reconciled }, "all"],
      ["type=restore.execute", { a: runs.blocked }, "all"],
      [`id=${runs.cancelled.dispatch.id.slice(0, 15)}`, { a: runs.cancelled }, "some"],
      ["time=1h&outcome=blocked", { a: runs.blocked, b: runs.system }, "some"]
    ]
    for (const [query, expected, how] of shown) {
      await looking(`${stage.url}?${query}`, {}, async ({ page }) => {
        const ids = await idsIn(page)
        const wanted = Object.values(expected).map(({ dispatch }) => dispatch.id)
        if (how === "all") assert.sameMembers([...ids], wanted, query)
        else assert.includeMembers([...ids], wanted, query)
        assert.isAbove(await page.locator(".chip").count(), 0)
      })
    }
  })

  it("what an address says and nobody understands is left out, and told", async () => {
    await looking(
      `${stage.url}?outcome=banana&status=%22%3E%3Cscript%3E&id=zz&older=x`,
      {},
      async ({ page, status }) => {
        assert.strictEqual(status, 200)
        assert.include(await textOf(page), "not understood: Status, Outcome, Run id, Page.")
        assert.deepStrictEqual(await findings(page), [])
      }
    )
    await looking(`${stage.url}?tenant=nobody`, {}, async ({ page }) => {
      assert.include(await textOf(page), "No run is like this.")
      assert.deepStrictEqual(await findings(page), [])
    })
  })

  it("a whole id leads to its run, and one page to the next and back", async () => {
    await looking(stage.url, {}, async ({ page }) => {
      await page.fill("#id", stage.runs.failed.dispatch.id)
      await page.getByRole("button", { name: "Show" }).click()
      await page.waitForURL(stage.pageOf(stage.runs.failed))
    })
    const older = `${stage.url}?older=${stage.runs.cancelled.dispatch.id}`
    await looking(older, {}, async ({ page }) => {
      const below = await idsIn(page)
      assert.notInclude(below, stage.runs.cancelled.dispatch.id)
      await follow(page, "Newer")
      const above = await idsIn(page)
      assert.include(above, stage.runs.cancelled.dispatch.id)
      assert.isEmpty(above.filter((id) => below.includes(id)))
      await follow(page, "Newest")
      assert.strictEqual((await idsIn(page))[0], stage.runs.waiting.dispatch.id)
    })
  })

  it("who may see what: 200, 403 and 404, alike for page and stream", async () => {
    const { runs } = stage
    const missing = `${stage.url}/0190163d-8694-739b-aea5-966c26f8ad91`
    const asked: ReadonlyArray<readonly [url: string, viewer: Viewer, status: number]> = [
      [stage.pageOf(runs.blocked), "eve", 200],
      [stage.pageOf(runs.blocked), "ada", 403],
      [stage.pageOf(runs.blockedTenant), "cleo", 200],
      [stage.pageOf(runs.workspaceLevel), "cleo", 200],
      [stage.pageOf(runs.failed), "cleo", 404],
      [stage.pageOf(runs.blocked), "cleo", 404],
      [stage.pageOf(runs.failed), "zoe", 404],
      [stage.pageOf(runs.elsewhere), "eve", 404],
      [missing, "eve", 404],
      [`${stage.url}/nonsense`, "eve", 404],
      [`${stage.url}?workspace=south`, "eve", 404],
      [`${stage.url}?workspace=south`, "zoe", 200],
      [`${stage.url}?workspace=${WORKSPACE}`, "zoe", 404]
    ]
    const bodies = new Map<Viewer, Set<string>>()
    for (const [url, viewer, status] of asked) {
      const headers = { [VIEWER_HEADER]: viewer }
      const [page, stream] = await Promise.all([fetch(url, { headers }), fetch(streamOf(url), { headers })])
      assert.strictEqual(page.status, status, `${viewer} ${url}`)
      assert.strictEqual(stream.status, status, `${viewer} ${url} as a stream`)
      const body = await page.text()
      if (status === 404) bodies.set(viewer, (bodies.get(viewer) ?? new Set()).add(body))
      await stream.body?.cancel()
      assert.match(
        page.headers.get("content-security-policy") ?? "",
        /default-src 'none'; script-src 'self'; style-src 'self'/
      )
      assert.strictEqual(page.headers.get("cache-control"), "private, no-store")
    }
    // Not to be told apart by what is said.
    for (const [viewer, said] of bodies) assert.strictEqual(said.size, 1, viewer)
    const nobody = await fetch(stage.url)
    assert.strictEqual(nobody.status, 401)
  })

  it("the list holds only what its viewer may see", async () => {
    await looking(stage.url, { viewer: "cleo" }, async ({ page }) => {
      assert.sameMembers(
        [...(await idsIn(page))],
        [stage.runs.blockedTenant, stage.runs.system, stage.runs.workspaceLevel].map(({ dispatch }) => dispatch.id)
      )
      assert.notInclude(await page.content(), CONTOSO)
    })
    await looking(stage.url, { viewer: "ada" }, async ({ page }) => {
      const content = await page.content()
      assert.notInclude(content, stage.runs.blocked.dispatch.id)
      assert.notInclude(content, "Delete policies in bulk")
    })
    await looking(stage.url, { viewer: "max" }, async ({ page }) => {
      await page.selectOption("#workspace", "south")
      await page.getByRole("button", { name: "Go" }).click()
      assert.include(await page.title(), "south")
    })
  })

  for (const viewer of ["ada", "zoe"] as const) {
    it(`a page that is refused is readable: ${viewer}`, async () => {
      await looking(stage.pageOf(stage.runs.blocked), { viewer }, async ({ page }) => {
        assert.match(await textOf(page), viewer === "ada" ? /permission that you do not have/ : /not yours to see/)
        assert.deepStrictEqual(await findings(page), [])
        await darkAndNarrow(page)
        assert.deepStrictEqual(await findings(page), [])
      })
    })
  }

  it("hostile words stay words, wherever they turn up", async () => {
    for (const url of [stage.pageOf(stage.runs.hostile), `${stage.url}?outcome=failed`]) {
      await looking(url, {}, async ({ page }) => {
        assert.include(await textOf(page), "<img src=x onerror=alert(1)>")
        assert.strictEqual(await page.locator("main img, main b[onmouseover], main script").count(), 0)
        assert.include((await page.locator("main").textContent()) ?? "", HOSTILE_NAME)
        assert.isTrue(await fitsIn(page))
        await darkAndNarrow(page)
        assert.isTrue(await fitsIn(page))
        assert.deepStrictEqual(await findings(page), [])
      })
    }
  })

  it("a run that is paused says so, by whom and why, on its page and in the list; resumed, it waits for a worker again", async () => {
    const scope = { operationType: stage.runs.waiting.dispatch.subject.operationType, workspaceId: WORKSPACE }
    const pauses = <A, E>(use: (port: Pauses["Service"]) => Effect.Effect<A, E>) =>
      stage.play(Effect.flatMap(Pauses, use))
    const at = { by: "eve", atMillis: Date.now() }
    await looking(stage.pageOf(stage.runs.waiting), {}, async ({ page }) => {
      await pauses((port) =>
        port.pause({ scope, by: "eve", reason: "The provider <b>moves</b>.", sinceMillis: Date.now() })
      )
      await page.locator(".badge", { hasText: "Paused" }).waitFor()
      const text = await textOf(page)
      for (const words of ["The provider <b>moves</b>.", "eve has paused", "Resume it when the reason is gone"]) {
        assert.include(text, words)
      }
      assert.deepStrictEqual(await findings(page), [])
    })
    await looking(`${stage.url}?status=queued`, {}, async ({ page }) => {
      const row = page.locator(`#run-${stage.runs.waiting.dispatch.id}`)
      assert.include(await row.innerText(), "Paused")
      await pauses((port) => port.resume(scope, at))
      await row.locator(".badge", { hasText: "Queued" }).waitFor()
    })
  })

  it("a page changes when its run does, keeps what was unfolded, and ends with the run", async () => {
    await looking(stage.pageOf(stage.runs.waiting), {}, async ({ page }) => {
      await page.getByText("Diagnostics").click()
      const running = await stage.play(started(stage.runs.waiting))
      await page.locator(".badge", { hasText: "Running" }).waitFor()
      assert.isTrue(await page.locator("details.diagnostics").evaluate((fold) => fold.hasAttribute("open")))
      await stage.play(moved(succeedStep(running, Date.now(), { items: 7 })))
      await page.locator(".badge", { hasText: "Succeeded" }).waitFor()
      assert.include(await textOf(page), "7")
    })
  })

  it("the list changes when a run does", async () => {
    await looking(`${stage.url}?status=queued`, {}, async ({ page }) => {
      const row = page.locator(`#run-${stage.runs.retrying.dispatch.id}`)
      await row.waitFor()
      await stage.play(
        moved(stepOf(stage.runs.retrying, { _tag: "Cancel", by: { kind: "human", id: "eve" }, atMillis: Date.now() }))
      )
      await row.waitFor({ state: "detached" })
    })
  })

  it("who loses the workspace sees nothing more of it, on a page that is open as well", async () => {
    const leave = Effect.flatMap(MemoryAuthority, (book) => book.removeMembership(WORKSPACE, UserId.make("max")))
    await looking(stage.pageOf(stage.runs.running), { viewer: "max" }, async ({ status }) => {
      // An owner of the workspace who is entitled to no tenant.
      assert.strictEqual(status, 404)
    })
    await looking(stage.url, { viewer: "max" }, async ({ page }) => {
      await page.getByText("whole workspace").first().waitFor()
      await stage.play(leave)
      await page.getByText("This page has ended").waitFor()
      assert.notInclude(await textOf(page), "Sync the inventory")
    })
  })

  it("assets have names of their own and are kept for ever; nothing else is", async () => {
    await looking(stage.url, {}, async ({ page }) => {
      const urls = await page
        .locator("link[rel=stylesheet], script[src]")
        .evaluateAll((all) => all.map((one) => one.getAttribute("href") ?? one.getAttribute("src") ?? ""))
      assert.lengthOf(urls, 2)
      for (const url of urls) {
        assert.match(url, /-[0-9a-f]{16}\.(css|js)$/)
        const response = await fetch(new URL(url, stage.url))
        assert.strictEqual(response.headers.get("cache-control"), "public, max-age=31536000, immutable")
        assert.strictEqual(response.headers.get("x-content-type-options"), "nosniff")
        await response.body?.cancel()
      }
      assert.strictEqual((await fetch(new URL("/admin/operations/assets/other.css", stage.url))).status, 404)
    })
  })

  it("the keyboard is enough: first a way past the head, then all there is", async () => {
    await looking(stage.url, {}, async ({ page }) => {
      await page.keyboard.press("Tab")
      assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "Skip to the content")
      await page.keyboard.press("Enter")
      assert.strictEqual(await page.evaluate("document.activeElement.id"), "main")
    })
  })
})

const streamOf = (url: string): string => {
  const address = new URL(url)
  address.pathname += "/live"
  return address.href
}

const started = (run: Stage["runs"]["waiting"]) =>
  Effect.gen(function* () {
    const atMillis = Date.now()
    const running = yield* moved(startStep(run, atMillis), { holder: "worker-a", untilMillis: atMillis + 60_000 })
    yield* (yield* RunStore).find(run.dispatch.id)
    return asRunning(running)
  })
