/** Every export of a package has a doc comment. */
import { assert, describe, it } from "@effect/vitest"
import { type Source, sourcesIn } from "./sources.ts"

const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:const|let|function\*?|async function|class|interface|type|enum) (\w+)/

/**
 * Exports without a doc comment right above them. A type that has the name of a documented value in the same file is documented
 * by it, as `export type Run = typeof Run.Type` is.
 */
const undocumented = ({ path, text }: Source): ReadonlyArray<string> => {
  const lines = text.split("\n")
  const documented = new Set<string>()
  const bare: Array<readonly [name: string, line: number]> = []
  lines.forEach((line, index) => {
    const name = EXPORT.exec(line)?.[1]
    if (name === undefined) return
    if (lines[index - 1]?.trimEnd().endsWith("*/") === true) documented.add(name)
    else bare.push([name, index + 1])
  })
  return bare.filter(([name]) => !documented.has(name)).map(([name, line]) => `${path}:${line} ${name}`)
}

describe("every export has a doc comment", () => {
  for (const name of ["domain", "adapters", "worker"]) {
    it(`packages/${name}`, () => {
      const sources = sourcesIn(`packages/${name}/src`)
      assert.isAbove(sources.length, 25)
      assert.deepStrictEqual(sources.flatMap(undocumented), [])
    })
  }

  it("every file of the domain says what it is for", () => {
    const silent = sourcesIn("packages/domain/src")
      .filter(({ text }) => !text.startsWith("/**"))
      .map(({ path }) => path)
    assert.deepStrictEqual(silent, [])
  })
})
