/** Arrows point inward: worker → adapters → domain. */
import { assert, describe, it } from "@effect/vitest"
import { type Source, sourcesIn, targetOf } from "./sources.ts"

const domain = sourcesIn("packages/domain/src")
const adapters = sourcesIn("packages/adapters/src")
const worker = sourcesIn("packages/worker/src")

/** Every import that the rule forbids, as `file → target`. */
const offences = (sources: ReadonlyArray<Source>, isForbidden: (target: string, source: Source) => boolean) =>
  sources.flatMap((source) =>
    source.imports
      .map((specifier) => targetOf(source, specifier))
      .filter((target) => isForbidden(target, source))
      .map((target) => `${source.path} → ${target}`)
  )

const isOfPackage = (name: string, folder: string) => (target: string) =>
  target === name || target.startsWith(`${name}/`) || target.startsWith(`${folder}/`)
const toDomain = isOfPackage("@countersign/domain", "packages/domain")
const toAdapters = isOfPackage("@countersign/adapters", "packages/adapters")
const toWorker = isOfPackage("@countersign/worker", "packages/worker")
const toTests = (target: string) => target.startsWith("test/") || target.startsWith("@countersign/test")

describe("arrows point inward", () => {
  it("there is something to look at", () => {
    for (const sources of [domain, adapters, worker]) assert.isAbove(sources.length, 25)
    assert.isTrue(domain.some(({ imports }) => imports.includes("effect")))
    assert.isTrue(domain.some(({ imports }) => imports.includes("./Ids.ts")))
  })

  it("the domain imports itself and effect, nothing else", () => {
    const isItsOwn = (target: string) => target.startsWith("packages/domain/src/")
    assert.deepStrictEqual(
      offences(domain, (target) => !isItsOwn(target) && target !== "effect" && !target.startsWith("effect/")),
      []
    )
  })

  it("adapters do not import the worker", () => {
    assert.deepStrictEqual(offences(adapters, toWorker), [])
  })

  it("no package imports tests, examples or scripts", () => {
    const sources = [...domain, ...adapters, ...worker]
    const isOutside = (target: string) =>
      toTests(target) || target.startsWith("examples/") || target.includes("/scripts/")
    assert.deepStrictEqual(offences(sources, isOutside), [])
  })

  it("packages import one another by name, not by path into their sources", () => {
    const byPath = (own: string) => (target: string) =>
      target.startsWith("packages/") && !target.startsWith(`packages/${own}/`)
    assert.deepStrictEqual(
      [
        ...offences(domain, byPath("domain")),
        ...offences(adapters, byPath("adapters")),
        ...offences(worker, byPath("worker"))
      ],
      []
    )
    // And a package does not import itself through its own name.
    assert.deepStrictEqual(
      [
        ...offences(domain, (target) => toDomain(target) && !target.startsWith("packages/")),
        ...offences(adapters, (target) => toAdapters(target) && !target.startsWith("packages/")),
        ...offences(worker, (target) => toWorker(target) && !target.startsWith("packages/"))
      ],
      []
    )
  })

  it("the folders of the adapters do not import each other, except `testing`, and what is PostgreSQL twice", () => {
    const folderOf = (path: string) => /^packages\/adapters\/src\/([^/]+)\//.exec(path)?.[1]
    const isNeighbour = (target: string, source: Source) => {
      const [from, to] = [folderOf(source.path), folderOf(target)]
      if (from === undefined || to === undefined || from === to || to === "testing") return false
      // The embedded database is PostgreSQL behind the same client: it shares tables and statements, one way only.
      return !(from === "embedded" && to === "postgres")
    }
    assert.deepStrictEqual(offences(adapters, isNeighbour), [])
  })

  it("the binary is imported by its bundled form alone, the command line by the binary and the demo only", () => {
    const toEdge = (target: string, { path }: Source) => {
      if (target.endsWith("/bin.ts")) return path !== "packages/worker/src/bundled/bin.ts"
      const isEdge = path.includes("/cli/") || path.includes("/demo/") || path.endsWith("/bin.ts")
      return target.includes("/cli/") && !isEdge
    }
    assert.deepStrictEqual(offences([...domain, ...adapters, ...worker], toEdge), [])
  })
})
