import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { layerPostgresClient } from "@countersign/adapters"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { PGlite } from "@electric-sql/pglite"
import { Cause, Effect, Exit, Fiber, Layer, Queue } from "effect"
import { vi } from "vitest"
import * as EmbeddedPostgres from "../../../packages/adapters/src/embedded/EmbeddedPostgres.ts"
import { freshDatabase } from "../../support/postgres.ts"
import { behavesAsPostgres } from "./behavesAsPostgres.ts"

behavesAsPostgres("embedded", EmbeddedPostgres.layer())
behavesAsPostgres("server", Layer.unwrap(Effect.map(freshDatabase, (url) => layerPostgresClient({ url }))))

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "countersign-embedded-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const inFolder = (dataFolder: string) => Effect.provide(EmbeddedPostgres.layer({ dataFolder }), { local: true })

const opening = (folder: string) => Effect.flip(Effect.void.pipe(inFolder(folder)))

describe("an embedded database in a folder", () => {
  it.live("is there again after a reopen", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "not", "yet", "there")
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`CREATE TABLE kept (n int)`
        yield* sql`INSERT INTO kept VALUES (1)`
      }).pipe(inFolder(folder))
      const rows = yield* PgClient.PgClient.use((sql) => sql`SELECT n FROM kept`).pipe(inFolder(folder))
      assert.deepStrictEqual(rows, [{ n: 1 }])
      assert.deepStrictEqual(readdirSync(folder), ["data"])
    })
  )

  it.live("keeps what was committed when the process is killed, and is free again", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const module = new URL("../../../packages/adapters/src/embedded/EmbeddedPostgres.ts", import.meta.url).href
      const program = `
        import { PgClient } from "@effect/sql-pg"
        import { Effect } from "effect"
        import * as EmbeddedPostgres from ${JSON.stringify(module)}
        await Effect.runPromise(Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          yield* sql\`CREATE TABLE kept (n int)\`
          yield* sql\`INSERT INTO kept VALUES (1)\`
          yield* sql.withTransaction(Effect.gen(function* () {
            yield* sql\`INSERT INTO kept VALUES (2)\`
            console.log("inserted")
            yield* Effect.never
          }))
        }).pipe(Effect.provide(EmbeddedPostgres.layer({ dataFolder: process.env.FOLDER }))))`
      const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
        cwd: import.meta.dirname,
        env: { ...process.env, FOLDER: folder },
        stdio: ["ignore", "pipe", "inherit"]
      })
      yield* Effect.promise(() => once(child.stdout, "data"))

      const refused = yield* opening(folder)
      assert.strictEqual(refused.reason, "FolderInUse")
      assert.include(refused.message, `process ${child.pid}`)

      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      const rows = yield* PgClient.PgClient.use((sql) => sql`SELECT n FROM kept`).pipe(inFolder(folder))
      assert.deepStrictEqual(rows, [{ n: 1 }])
    })
  )

  it.live("is not opened twice in one process", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function* () {
        const refused = yield* opening(folder)
        assert.strictEqual(refused.reason, "FolderInUse")
        assert.include(refused.message, "countersign.lock")
      }).pipe(inFolder(folder))
    })
  )

  it.live("is not free again before a start that is interrupted has ended, and its engine is closed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const create = PGlite.create.bind(PGlite)
      const engines: Array<PGlite> = []
      const watched = vi.spyOn(PGlite, "create").mockImplementation(async (...options) => {
        begun.resolve()
        await goOn.promise
        const engine = await create(...options)
        engines.push(engine)
        return engine
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => watched.mockRestore()))
      const starting = yield* Effect.never.pipe(inFolder(folder), Effect.forkChild)
      yield* Effect.promise(() => begun.promise)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(starting), { startImmediately: true })
      assert.strictEqual((yield* opening(folder)).reason, "FolderInUse")
      goOn.resolve()
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(
        engines.map(({ closed }) => closed),
        [true]
      )
      assert.deepStrictEqual(readdirSync(folder), ["data"])
    })
  )

  it.live("is taken over from a process that is gone, even when its number is in use again", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lock = join(folder, "countersign.lock")
      const here = { host: hostname(), birth: "an earlier boot:1" }
      writeFileSync(lock, JSON.stringify({ pid: process.pid, ...here }))
      const held = yield* Effect.sync(() => readFileSync(lock, "utf8")).pipe(inFolder(folder))
      assert.notInclude(held, "earlier boot")
      writeFileSync(lock, JSON.stringify({ pid: process.pid, ...here, host: "elsewhere" }))
      assert.include((yield* opening(folder)).message, "on elsewhere")
    })
  )

  it.live("refuses a folder of other things and leaves it alone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "thesis.txt"), "")
      assert.strictEqual((yield* opening(folder)).reason, "FolderHoldsSomethingElse")
      mkdirSync(join(folder, "data"))
      assert.strictEqual((yield* opening(folder)).reason, "FolderHoldsSomethingElse")
      assert.deepStrictEqual(readdirSync(folder).sort(), ["data", "thesis.txt"])
    })
  )

  it.live("refuses a folder that cannot be made", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "file")
      writeFileSync(file, "")
      assert.strictEqual((yield* opening(join(file, "below"))).reason, "FolderNotWritable")
      assert.strictEqual((yield* opening(file)).reason, "FolderNotWritable")
      if (process.platform === "linux") {
        assert.strictEqual((yield* opening("/proc/nowhere/below")).reason, "FolderNotWritable")
      }
    })
  )

  it.live("refuses files of another PostgreSQL, and says so", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.void.pipe(inFolder(folder))
      writeFileSync(join(folder, "data", "PG_VERSION"), "12\n")
      const refused = yield* opening(folder)
      assert.strictEqual(refused.reason, "DidNotStart")
      assert.include(refused.message, "PostgreSQL 12")
    })
  )
})

describe("the one connection of an embedded database", () => {
  it.live("does not listen inside a transaction rather than wait for ever", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const exit = yield* Effect.scoped(sql.listen("c")).pipe(sql.withTransaction, Effect.exit)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasFails(exit.cause))
    }).pipe(Effect.provide(EmbeddedPostgres.layer()))
  )

  it.live("is replaced by a clean one when lost, and listeners do not notice", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const heard = yield* sql.listen("c")
      yield* sql`SET application_name = 'before'`
      yield* sql`CREATE TABLE numbers (n int)`
      // Leaving statements behind in a reserved connection makes the client give the connection up.
      yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* sql.reserve
          yield* connection.executeRaw("BEGIN", [])
          yield* connection.executeRaw("INSERT INTO numbers VALUES (1)", [])
          yield* connection.executeRaw("SELECT 1", []).pipe(Effect.forkDetach({ startImmediately: true }))
        })
      )
      assert.deepStrictEqual(yield* sql`SELECT current_setting('application_name') AS name`, [{ name: "" }])
      assert.deepStrictEqual(yield* sql`SELECT n FROM numbers`, [])
      yield* sql.notify("c", "still here")
      assert.strictEqual((yield* Queue.take(heard)).payload, "still here")
    }).pipe(Effect.scoped, Effect.provide(EmbeddedPostgres.layer()))
  )
})
