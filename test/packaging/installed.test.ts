/**
 * What is published works where it is installed: each package beside nothing but what its manifest names, the binary from its bundle, and an
 * app, with a library of its own, that shares the bundle's modules.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Schema } from "effect"

const root = join(import.meta.dirname, "../..")
const execute = promisify(execFile)
const host = mkdtempSync(join(tmpdir(), "countersign-installed-"))
afterAll(() => rmSync(host, { recursive: true, force: true }))

const Manifest = Schema.Struct({
  dependencies: Schema.Record(Schema.String, Schema.String),
  bin: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  exports: Schema.Record(
    Schema.String,
    Schema.Union([Schema.String, Schema.Struct({ types: Schema.String, default: Schema.String })])
  )
})
const PACKAGES = ["domain", "adapters", "worker"]
const folderOf = (name: string) => join(host, "node_modules/@countersign", name)
const manifestOf = (name: string) =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Manifest))(readFileSync(join(folderOf(name), "package.json"), "utf8"))

/** What the manifest promises to whoever installs the package. */
const promised = (name: string): ReadonlyArray<string> => {
  const { bin = {}, exports } = manifestOf(name)
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : [entry.types, entry.default]
  )
  return [...entries, ...Object.values(bin), "LICENSE", "README.md"]
}

const link = (target: string, path: string) => {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path, "junction")
}

const worker = folderOf("worker")
const bundle = join(worker, "dist/bundle")

/** Unpacks what would be published, beside what its manifest names and nothing else. */
const install = async (name: string) => {
  const folder = folderOf(name)
  mkdirSync(folder, { recursive: true })
  const { stdout } = await execute("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", host], {
    cwd: join(root, "packages", name)
  })
  await execute("tar", ["-xzf", join(host, stdout.trim()), "-C", folder, "--strip-components=1"])
  for (const dependency of Object.keys(manifestOf(name).dependencies)) {
    if (dependency.startsWith("@countersign/")) continue
    link(join(root, "node_modules", dependency), join(folder, "node_modules", dependency))
  }
}

const write = (name: string, content: string) => writeFileSync(join(host, name), content)

/** Notes every file that is loaded. */
const WATCHER = `
import { appendFileSync } from "node:fs"
import { registerHooks } from "node:module"
registerHooks({
  load: (url, context, nextLoad) => {
    if (url.startsWith("file:")) appendFileSync(process.env.LOADED, url + "\\n")
    return nextLoad(url, context)
  }
})`

/** Imports what is in the bundle by barrel and by file, and what is not, which in turn imports what is. */
const APP = `
import { EmbeddedPostgres } from "@countersign/adapters"
import { Operation } from "@countersign/domain"
import { defineApp, PromiseHandler } from "@countersign/worker"
import { Effect, Layer, Schema } from "effect"
import * as Struct from "effect/Struct"
import * as Activity from "effect/workflow/Activity"
const note = Operation.make({ type: "note", payload: Schema.Struct({}), result: Schema.Void })
const parts = [EmbeddedPostgres, Struct, Activity].length
export default defineApp({
  operations: [note],
  handlers: [PromiseHandler.fromPromise(note, async () => {})],
  layer: Layer.effectDiscard(Effect.logInfo("the app's own layer has " + parts + " parts"))
})`

const command = (...args: ReadonlyArray<string>) => [
  "--import",
  pathToFileURL(join(host, "watcher.mjs")).href,
  join(bundle, "bin.js"),
  ...args
]
const environment = (log: string) => ({ cwd: host, env: { PATH: process.env.PATH ?? "", LOADED: log } })

/** Runs the installed binary; answers with what it said, and with every file it loaded. */
const run = async (...args: ReadonlyArray<string>) => {
  const log = join(mkdtempSync(join(host, "run-")), "loaded")
  const said = await execute(process.execPath, command(...args), environment(log))
  return {
    ...said,
    loaded: readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((url) => fileURLToPath(url))
  }
}

const isBundled = (file: string) => file.startsWith(bundle)

/** Whether the bundle has this file, which was loaded from elsewhere. */
const isSecondCopy = (file: string) => {
  const [, name, path] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(file.replaceAll("\\", "/")) ?? []
  return !isBundled(file) && name !== undefined && path !== undefined && existsSync(join(bundle, name, path))
}

describe("installed", { timeout: 180_000 }, () => {
  beforeAll(async () => {
    await execute("npm", ["run", "build"], { cwd: root })
    for (const name of PACKAGES) await install(name)
    link(join(root, "node_modules/effect"), join(host, "node_modules/effect"))
    write("watcher.mjs", WATCHER)
    write("app.mjs", APP)
  }, 180_000)

  it("packages hold what they promise, a licence and a README, and no state of the compiler", () => {
    for (const name of PACKAGES) {
      for (const path of promised(name)) assert.isTrue(existsSync(join(folderOf(name), path)), `${name} ${path}`)
      const left = readdirSync(folderOf(name), { recursive: true, encoding: "utf8" })
      assert.isFalse(left.some((path) => path.endsWith(".tsbuildinfo")))
    }
  })

  it("what the binary imports by name has the version that its other user names", () => {
    const [ours, theirs] = [manifestOf("worker").dependencies, manifestOf("adapters").dependencies]
    for (const [name, version] of Object.entries(theirs)) assert.strictEqual(ours[name], version, name)
  })

  it("every command comes from the bundle, and nothing that is in it from elsewhere", async () => {
    const { stdout, loaded } = await run("--help")
    assert.include(stdout, "countersign demo")
    assert.isAbove(loaded.filter(isBundled).length, 10)
    assert.deepStrictEqual(loaded.filter(isSecondCopy), [])
  })

  it("an app, and what it brings, share the bundle's modules", async () => {
    await run("migrate", "--data", "data")
    const { stderr, stdout, loaded } = await run("work", "--app", "app.mjs", "--data", "data", "--drain")
    assert.match(stderr, /the app's own layer has 3 parts[\s\S]*ready for note/)
    assert.strictEqual(stdout, "Nothing to do.\n")
    assert.isTrue(loaded.some((file) => file.endsWith(join("effect/dist/workflow/Activity.js")) && !isBundled(file)))
    assert.include(loaded, join(bundle, "effect/dist/Struct.js"))
    assert.deepStrictEqual(loaded.filter(isSecondCopy), [])
  })

  it("the pages have what they load", async () => {
    const serving = spawn(
      process.execPath,
      command("monitor", "--app", "app.mjs", "--as", "ada", "--port", "0", "--data", "data"),
      environment(join(host, "monitored"))
    )
    const [said] = await once(serving.stdout, "data")
    const pages = new URL(String(said).trim())
    const page = await (await fetch(pages)).text()
    const assets = [...page.matchAll(/(?:href|src)="([^"]+\.(?:css|js))"/g)].map(([, path]) => path ?? "")
    assert.isNotEmpty(assets)
    for (const asset of assets) assert.strictEqual((await fetch(new URL(asset, pages))).status, 200, asset)
    serving.kill()
    await once(serving, "exit")
  })

  it("where another version of a shared package is installed, that is used, and the bundle is not", async () => {
    const manifest = join(folderOf("domain"), "package.json")
    const text = readFileSync(manifest, "utf8")
    writeFileSync(manifest, text.replace('"version": "0.1.0"', '"version": "0.1.1"'))
    const { stdout, loaded } = await run("migrate", "--print")
    writeFileSync(manifest, text)
    assert.include(stdout, "CREATE SCHEMA")
    assert.isTrue(loaded.includes(join(worker, "dist/bin.js")))
    assert.deepStrictEqual(
      loaded.filter(isBundled).map((file) => file.slice(bundle.length + 1).replace(/-.*/, "")),
      ["bin.js", "nodeVersion"]
    )
  })
})
