/**
 * Writes what is generated from the code of this package: `npm run generate`.
 * With `--check` it writes nothing, names what is stale, and exits 1 if anything is.
 */
import { readFile, writeFile } from "node:fs/promises"
import { executionLegitimacySchema, readmeWith, workspaceEventSchema } from "./generated.ts"

const schemaFile = new URL("../schema/execution-legitimacy.schema.json", import.meta.url)
const eventSchemaFile = new URL("../schema/workspace-event.schema.json", import.meta.url)
const readmeFile = new URL("../README.md", import.meta.url)

const present = (file: URL) => readFile(file, "utf8").catch(() => "")

const readme = await present(readmeFile)
const files = [
  { name: "schema/execution-legitimacy.schema.json", file: schemaFile, text: executionLegitimacySchema() },
  { name: "schema/workspace-event.schema.json", file: eventSchemaFile, text: workspaceEventSchema() },
  { name: "README.md", file: readmeFile, text: readmeWith(readme) }
]

for (const { name, file, text } of files) {
  if ((await present(file)) === text) continue
  if (process.argv.includes("--check")) {
    console.error(`${name} is stale: npm run generate`)
    process.exitCode = 1
  } else {
    await writeFile(file, text)
    console.log(`wrote ${name}`)
  }
}
