/** The domain: stable modules of effect only, no clock, no randomness, no I/O. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { rootFolder, sourcesIn } from "./sources.ts"

const domain = sourcesIn("packages/domain/src")

/** The stability that a module of effect declares at its top. */
const stabilityOf = (module: string): string => {
  const text = readFileSync(join(rootFolder, "node_modules/effect/src", `${module}.ts`), "utf8")
  return /@stability (\w+)/.exec(text)?.[1] ?? "undeclared"
}

/** The names that a source imports from the barrel `effect`: each is a module, or a function of `Function`. */
const fromBarrel = (code: string): ReadonlyArray<string> =>
  [...code.matchAll(/import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"effect"/g)].flatMap(([, names]) =>
    (names ?? "")
      .split(",")
      .map((name) =>
        name
          .trim()
          .replace(/^type\s+/, "")
          .replace(/\s+as\s.*$/, "")
      )
      .filter((name) => name !== "")
  )

const used = new Set(domain.flatMap(({ code }) => fromBarrel(code)))

describe("the domain", () => {
  it("imports effect by its barrel, and from nowhere deeper", () => {
    const deeper = domain.flatMap(({ path, imports }) =>
      imports.filter((specifier) => specifier.startsWith("effect/")).map((specifier) => `${path} → ${specifier}`)
    )
    assert.deepStrictEqual(deeper, [])
    const named = domain.filter(({ imports }) => imports.includes("effect"))
    for (const { path, code } of named) assert.isAbove(fromBarrel(code).length, 0, `${path} names what it imports`)
  })

  for (const module of [...used].toSorted()) {
    it(`effect's ${module} is stable`, () => assert.strictEqual(stabilityOf(module), "stable"))
  }

  it("what is not stable would be noticed", () => {
    assert.notStrictEqual(stabilityOf("Arbitrary"), "stable")
  })

  const forbidden: ReadonlyArray<readonly [what: string, RegExp]> = [
    ["a clock", /\bDate\b|\bperformance\b|\bTemporal\b|\bhrtime\b|\bClock\b/],
    // `DateTime` and `Cron` calculate with instants they are given; what they do with the instant of now is a clock.
    ["the clock of a calendar", /\bDateTime\.(now|is(Future|Past)|zoneMakeLocal)|\bCron\.\w+\(\s*\w+\s*\)/],
    ["randomness", /\bMath\.random\b|\bcrypto\b|\brandomUUID\b|\bRandom\b/],
    ["timers", /\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bqueueMicrotask\b/],
    ["the process", /\bprocess\b|\bglobalThis\b|\bBuffer\b|\bnavigator\b/],
    ["input or output", /\bconsole\b|\bfetch\b|\bnode:|\brequire\b|\bXMLHttpRequest\b|\bWebSocket\b/],
    ["running effects", /\bEffect\.run\w+|\bManagedRuntime\b|\bLayer\b/],
    ["escapes from types", /\bas any\b|\bas unknown as\b|@ts-ignore|@ts-nocheck|@ts-expect-error|biome-ignore|\beval\b/]
  ]
  for (const [what, pattern] of forbidden) {
    it(`uses no ${what.replace(/^(a|the) /, "")}`, () => {
      const found = domain.flatMap(({ path, code }) =>
        code.split("\n").flatMap((line, index) => {
          // What stands in quotes is text, not use.
          const bare = line.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/`(?:[^`\\$]|\\.)*`/g, "``")
          return pattern.test(bare) ? [`${path}:${index + 1}: ${line.trim()}`] : []
        })
      )
      assert.deepStrictEqual(found, [])
    })
  }

  it("names Effect only in ports, and only as a type", () => {
    const found = domain
      .filter(({ code }) => fromBarrel(code).includes("Effect") || fromBarrel(code).includes("Stream"))
      .filter(({ path, code }) => !path.includes("/ports/") || !/import\s+\{[^}]*type (Effect|Stream)\b/.test(code))
      .map(({ path }) => path)
    assert.deepStrictEqual(found, [])
  })

  it("has no file that cannot be read in one sitting", () => {
    const long = domain.filter(({ text }) => text.split("\n").length > 300).map(({ path }) => path)
    assert.deepStrictEqual(long, [])
  })

  it("names every file in its README", () => {
    const readme = readFileSync(join(rootFolder, "packages/domain/README.md"), "utf8")
    const table = readme.split("## By file")[1] ?? ""
    const unnamed = domain
      .map(({ path }) => path.replace("packages/domain/src/", "").replace(".ts", ""))
      .filter((name) => name !== "index" && !name.startsWith("ports/") && !table.includes(`\`${name}\``))
    assert.deepStrictEqual(unnamed, [])
  })

  it("publishes every file through its index", () => {
    const [index] = domain.filter(({ path }) => path.endsWith("src/index.ts"))
    assert.isDefined(index)
    const published = index.imports.map((specifier) => specifier.replace("./", "packages/domain/src/"))
    const files = domain.map(({ path }) => path).filter((path) => path !== index.path)
    assert.sameMembers(published, files)
  })
})
