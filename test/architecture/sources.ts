/** What the sources say of themselves: files, imports, exports. Read as text; that is all these rules need. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

export const rootFolder = fileURLToPath(new URL("../../", import.meta.url))

export interface Source {
  /** From the root folder, such as `packages/domain/src/Ids.ts`. */
  readonly path: string
  readonly text: string
  /** The text with comments blanked out, and the insides of quoted strings too, except in import clauses. */
  readonly code: string
  readonly imports: ReadonlyArray<string>
}

/** Comments and the insides of strings and regular expressions are not code: they may say anything. */
const withoutComments = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/.*$/gm, (_, before: string) => before)

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^"';]*?from\s*["']([^"']+)["']|(?:^|\n)\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g

const importsOf = (code: string): ReadonlyArray<string> =>
  [...code.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "")

/** Every TypeScript source below a folder of the repository; none when there is no such folder. */
export const sourcesIn = (folder: string): ReadonlyArray<Source> => {
  const entries = (() => {
    try {
      return readdirSync(join(rootFolder, folder), { recursive: true, encoding: "utf8" })
    } catch {
      return []
    }
  })()
  return entries
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts") && !name.includes("node_modules"))
    .toSorted()
    .map((name) => {
      const path = join(folder, name)
      const text = readFileSync(join(rootFolder, path), "utf8")
      const code = withoutComments(text)
      return { path, text, code, imports: importsOf(code) }
    })
}

/** Where an import leads, from the root folder; a package's name when it leads out of the repository's own files. */
export const targetOf = (source: Source, specifier: string): string =>
  specifier.startsWith(".") ? relative(rootFolder, resolve(rootFolder, dirname(source.path), specifier)) : specifier
