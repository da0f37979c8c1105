/** The guide to the command line, played as it is written: its commands, its SQL, and what it says is answered. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../support/postgres.ts"
import { run } from "../worker/cli/support/process.ts"

const root = join(import.meta.dirname, "../..")
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** What differs from one day to the next, and from one server to the other. */
const timeless = (text: string): string =>
  text
    .replaceAll(ID, "ID")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d| [+-]\d\d:\d\d)/g, "INSTANT")
    .replaceAll(/\d+ ms/g, "MS")
    .replaceAll(/PostgreSQL .+/g, "PostgreSQL")
    .trimEnd()

interface Exchange {
  readonly command: string
  readonly answer: string
}

/** The guide's sessions and SQL, in their order. */
const scenes = (guide: string): ReadonlyArray<string | Exchange> =>
  [...guide.matchAll(/^```(console|sql)\n([\s\S]*?)\n```/gm)].flatMap(
    ([, language, text = ""]): ReadonlyArray<string | Exchange> => (language === "sql" ? [text] : exchanges(text))
  )

const exchanges = (session: string): ReadonlyArray<Exchange> =>
  session
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf("\n")
      return end === -1
        ? { command: text, answer: "" }
        : { command: text.slice(0, end), answer: text.slice(end + 1).trimEnd() }
    })

/** Words as a shell parts them, as far as the guide needs it: by blanks, but not within single quotes. */
const argumentsOf = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "")

it.live(
  "the guide's day at the command line",
  () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
      const sql = Context.get(client, PgClient.PgClient)
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-guide-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      for (const name of ["letters", "photos"]) mkdirSync(join(folder, name))
      writeFileSync(join(folder, "letters/a.txt"), "Dear Sir\n")
      const env = { DATABASE_URL: url, COUNTERSIGN_APP: join(root, "examples/command-line/my-operations.ts") }

      const guide = yield* Effect.promise(() => readFile(join(root, "docs/guides/command-line.md"), "utf8"))
      // The ids of this day, by those of the guide.
      const ids = new Map<string, string>()
      for (const scene of scenes(guide)) {
        if (typeof scene === "string") {
          const statements = scene.split(/;(?:\n|$)/).filter((statement) => statement !== "")
          yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
          continue
        }
        const [program, ...args] = argumentsOf(scene.command.replaceAll(ID, (id) => ids.get(id) ?? id))
        assert.strictEqual(program, "countersign")
        const ended = yield* Effect.promise(() => run(args, { env, cwd: folder }))
        assert.strictEqual(ended.code, 0, ended.stderr)
        assert.strictEqual(timeless(ended.stdout), timeless(scene.answer), scene.command)
        if (args[0] === "dispatch") ids.set(scene.answer, ended.stdout.trim())
      }
      assert.match(readFileSync(join(folder, "letters/SHA256SUMS"), "utf8"), /^[0-9a-f]{64} {2}a\.txt\n$/)
      assert.isFalse(existsSync(join(folder, "photos/SHA256SUMS")))
    }).pipe(Effect.scoped),
  { timeout: 120_000 }
)
