/** A host's code that throws: in its handlers, and where nobody can catch it. */
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { run } from "./support/process.ts"

const STACK = /^\s+at /m

/** A run of this operation, worked on: what the worker said, and where the run stands. */
const workedOn = Effect.fnUntraced(function* (type: string, ...flags: ReadonlyArray<string>) {
  const url = yield* freshDatabase
  const env = { DATABASE_URL: url, COUNTERSIGN_APP: join(import.meta.dirname, "support/careless.ts") }
  const countersign = (...args: ReadonlyArray<string>) => Effect.promise(() => run(args, { env }))
  assert.strictEqual((yield* countersign("migrate")).code, 0)
  const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
  yield* Context.get(client, PgClient.PgClient)`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
  const { stdout } = yield* countersign("dispatch", type, "--workspace", "w", "--system")
  const worked = yield* countersign("work", "--drain", "--poll", "50", ...flags)
  const shown = yield* countersign("runs", "show", stdout.trim())
  return { worked, shown }
}, Effect.scoped)

describe("a host's code that throws", { timeout: 120_000 }, () => {
  it.live("a handler: the log says why, the run's page does not, and neither shows a stack", () =>
    Effect.gen(function* () {
      const { worked, shown } = yield* workedOn("thrower")
      assert.strictEqual(worked.code, 0)
      assert.match(worked.stderr, /handler failed: the shelf is gone/)
      assert.notMatch(worked.stderr, STACK)
      assert.match(shown.stdout, /Failed — The operation ran into an error/)
      assert.notInclude(shown.stdout, "shelf")
    })
  )

  it.live("a promise that nobody awaits: it is told, and the work goes on", () =>
    Effect.gen(function* () {
      const { worked, shown } = yield* workedOn("forgetful")
      assert.strictEqual(worked.code, 0)
      assert.match(worked.stderr, /nobody could catch it: nobody waits for this/)
      assert.notMatch(worked.stderr, STACK)
      assert.match(shown.stdout, /^Succeeded$/m)
    })
  )

  it.live(
    "a callback: the worker ends in words, the stack is shown when it is asked for, and the run is not lost",
    () =>
      Effect.gen(function* () {
        const { worked, shown } = yield* workedOn("explosive")
        assert.strictEqual(worked.code, 1)
        assert.match(worked.stderr, /nobody could catch it: nobody catches this/)
        assert.notMatch(worked.stderr, STACK)
        assert.match(shown.stdout, /^Running — attempt 1 of 3$/m)
        const asked = yield* workedOn("explosive", "--log-level", "debug")
        assert.match(asked.worked.stderr, /careless\.ts/)
      })
  )
})
