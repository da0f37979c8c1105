/** Links in the documentation lead somewhere. */
import { existsSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { assert, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../..")

const pages = async (folder: string): Promise<ReadonlyArray<string>> =>
  (await readdir(join(root, folder))).filter((name) => name.endsWith(".md")).map((name) => join(folder, name))

it("every relative link names a file of this repository", async () => {
  const folders = [".", "docs/guides", "docs/adr", "packages/domain", "packages/adapters", "packages/worker"]
  const broken: Array<string> = []
  for (const page of (await Promise.all(folders.map(pages))).flat()) {
    const text = await readFile(join(root, page), "utf8")
    for (const [, target = ""] of text.matchAll(/\]\((?![a-z]+:)([^)#\s]+)/g)) {
      if (!existsSync(join(root, dirname(page), target))) broken.push(`${page}: ${target}`)
    }
  }
  assert.deepStrictEqual(broken, [])
})
