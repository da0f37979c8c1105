/** An app for the command line: `countersign work --app ./my-operations.ts`. Its one operation writes checksums of a folder's files. */
import { createHash } from "node:crypto"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Operation } from "@countersign/domain"
import { defineApp, PromiseHandler } from "@countersign/worker"
import { Schema } from "effect"

const LIST = "SHA256SUMS"

const writeChecksums = Operation.make({
  type: "folder.checksum",
  label: "Write checksums",
  capability: "folder.checksum",
  systemAuthority: true,
  payload: Schema.Struct({ folder: Schema.NonEmptyString }),
  result: Schema.Struct({ files: Schema.Int }),
  countKeys: ["files"]
})

export default defineApp({
  operations: [writeChecksums],
  handlers: [
    PromiseHandler.fromPromise(writeChecksums, async ({ folder }, { checkpoint, reportCounts }) => {
      const entries = await readdir(folder, { withFileTypes: true })
      const names = entries.filter((entry) => entry.isFile() && entry.name !== LIST).map(({ name }) => name)
      const lines: Array<string> = []
      for (const name of names.sort()) {
        // Asks again: whoever lost the permission meanwhile stops here.
        await checkpoint()
        const digest = createHash("sha256").update(await readFile(join(folder, name)))
        lines.push(`${digest.digest("hex")}  ${name}\n`)
        await reportCounts({ files: lines.length })
      }
      await writeFile(join(folder, LIST), lines.join(""))
      return { files: names.length }
    })
  ]
})
