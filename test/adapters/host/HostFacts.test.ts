import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { type AuthorityFacts, Facts, type FactsRequest, FactsUnavailable, NOTHING_KNOWN } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { HostFacts, type HostFactsOptions } from "../../../packages/adapters/src/host/index.ts"
import { favourableFacts, makeWorld, requirementsOf } from "../../../packages/adapters/src/testing/index.ts"

const LIMITS = { source: "directory", maxAgeMillis: 1000, deadlineMillis: 500 }

const requests = (count: number) =>
  Effect.map(makeWorld, (world) =>
    Array.from({ length: count }, (): FactsRequest => {
      const { subject } = world.dispatch()
      return { subject, requirements: requirementsOf(subject) }
    })
  )

const reading = <R = never>(asked: ReadonlyArray<FactsRequest>, read: HostFactsOptions<R>["read"]) =>
  Effect.provide(
    Effect.flatMap(Facts, (facts) => facts.read(asked)),
    HostFacts.layer({ ...LIMITS, read })
  )

const isUnavailable = <A, E, R>(effect: Effect.Effect<A, E, R>, advice: string) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, FactsUnavailable)
    assert.strictEqual(error.source, "directory")
    assert.include(error.advice, advice)
    assert.include(error.message, "directory")
  })

const answerTo = ({ subject }: FactsRequest, asOfMillis: number) => ({
  asOfMillis,
  facts: favourableFacts(subject, asOfMillis)
})

describe("HostFacts", () => {
  it.effect("gives the host's answers, in order, with the source of each fact", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5000)
      const asked = yield* requests(2)
      const [first, second] = asked.map((request) => answerTo(request, 5000))
      assert(first && second)
      const own = { ...second, facts: NOTHING_KNOWN, sources: { tenant: "crm" } }
      for (const read of [() => Effect.succeed([first, own]), () => Promise.resolve([first, own])]) {
        const readings = yield* reading(asked, read)
        assert.deepStrictEqual(
          readings.map(({ facts }) => facts),
          [first.facts, NOTHING_KNOWN]
        )
        assert.deepStrictEqual(Object.keys(readings[0]?.sources ?? {}).sort(), Object.keys(first.facts).sort())
        assert.strictEqual(readings[0]?.sources.membership, "directory")
        assert.deepStrictEqual(readings[1]?.sources, { tenant: "crm" })
      }
    })
  )

  it.effect("is not asked about nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reading([], () => Effect.die("asked")), [])
    })
  )

  it.effect("may use the host's own services", () =>
    Effect.gen(function* () {
      class Directory extends Context.Service<Directory, { readonly facts: AuthorityFacts }>()("test/Directory") {}
      const asked = yield* requests(1)
      const read = () => Effect.map(Directory, ({ facts }) => [{ asOfMillis: 0, facts }])
      const readings = yield* reading(asked, read).pipe(Effect.provideService(Directory, { facts: NOTHING_KNOWN }))
      assert.deepStrictEqual(readings[0]?.facts, NOTHING_KNOWN)
    })
  )

  it.effect.prop(
    "growing_older_never_allows: an answer counts up to the greatest age, and not a millisecond longer",
    [Schema.Int.check(Schema.isBetween({ minimum: -3000, maximum: 3000 }))],
    ([ageMillis]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(10_000)
        const asked = yield* requests(2)
        const read = () =>
          Effect.succeed(asked.map((request, at) => answerTo(request, 10_000 - (at === 1 ? ageMillis : 0))))
        const exit = yield* Effect.exit(reading(asked, read))
        assert.strictEqual(Exit.isSuccess(exit), Math.abs(ageMillis) <= LIMITS.maxAgeMillis)
      })
  )

  it.effect("the age counts from when the answer arrives, not from when it was asked for", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const slow = Effect.map(Clock.currentTimeMillis, (now) => asked.map((one) => answerTo(one, now - 900))).pipe(
        Effect.tap(() => Effect.sleep("200 millis"))
      )
      const pending = yield* Effect.forkChild(
        isUnavailable(
          reading(asked, () => slow),
          "1100 ms old"
        )
      )
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(pending)
    })
  )

  it.effect("an answer of the future is none", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const read = () => Effect.succeed(asked.map((one) => answerTo(one, 1001)))
      yield* isUnavailable(reading(asked, read), "set the clocks")
    })
  )

  it.effect("too few and too many answers are none", () =>
    Effect.gen(function* () {
      const asked = yield* requests(2)
      for (const count of [0, 1, 3]) {
        const answers = Array.from({ length: count }, () => ({ asOfMillis: 0, facts: NOTHING_KNOWN }))
        yield* isUnavailable(
          reading(asked, () => Effect.succeed(answers)),
          `${count} answers to 2 requests`
        )
      }
    })
  )

  it.effect("what is not facts is none: a fact left out, mistyped, of another shape, or not to be read", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const { tenant: _, ...withoutTenant } = NOTHING_KNOWN
      const wrong: ReadonlyArray<unknown> = [
        null,
        "facts",
        { 0: { asOfMillis: 0, facts: NOTHING_KNOWN }, length: 1 },
        [null],
        [{ facts: NOTHING_KNOWN }],
        [{ asOfMillis: "0", facts: NOTHING_KNOWN }],
        [{ asOfMillis: Number.NaN, facts: NOTHING_KNOWN }],
        [{ asOfMillis: 0, facts: withoutTenant }],
        [{ asOfMillis: 0, facts: { ...withoutTenant, tennant: null } }],
        [{ asOfMillis: 0, facts: { ...NOTHING_KNOWN, isAdmin: true } }],
        [{ asOfMillis: 0, facts: { ...NOTHING_KNOWN, workspace: { id: "w", open: "yes" } } }],
        [{ asOfMillis: 0, facts: { ...NOTHING_KNOWN, initiator: { id: "", disabled: false } } }],
        [{ asOfMillis: 0, facts: NOTHING_KNOWN, allowed: true }],
        [
          {
            asOfMillis: 0,
            get facts() {
              throw new Error("the session is closed")
            }
          }
        ]
      ]
      for (const answer of wrong) {
        yield* isUnavailable(
          reading(asked, () => Effect.succeed(answer)),
          "not a list of facts"
        )
      }
    })
  )

  it.effect("a host that fails, rejects, throws, dies or stops itself gives none", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const hosts: ReadonlyArray<HostFactsOptions["read"]> = [
        () => Effect.fail("no"),
        () => Promise.reject(new Error("no")),
        () => {
          throw new Error("no")
        },
        () => Effect.die("no"),
        () => Effect.interrupt
      ]
      for (const read of hosts) yield* isUnavailable(reading(asked, read), "it failed")
      const problem = new Error("the directory is being moved")
      const error = yield* Effect.flip(reading(asked, () => Promise.reject(problem)))
      assert.strictEqual(error.cause, problem)
    })
  )

  it.effect("a host that hangs is given up at the deadline, even one that cannot be interrupted", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const aborted = yield* Deferred.make<void>()
      const hosts: ReadonlyArray<HostFactsOptions["read"]> = [
        () => Effect.never,
        () => Effect.uninterruptible(Effect.never),
        (_, signal) => {
          signal.addEventListener("abort", () => Deferred.doneUnsafe(aborted, Effect.void))
          return new Promise(() => {})
        }
      ]
      for (const read of hosts) {
        const pending = yield* Effect.forkChild(isUnavailable(reading(asked, read), "within 500 ms"))
        yield* TestClock.adjust("500 millis")
        yield* Fiber.join(pending)
      }
      yield* Deferred.await(aborted)
    })
  )

  it.effect("who is interrupted while waiting takes the question back", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const [begun, interrupted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const read = () =>
        Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
      const pending = yield* Effect.forkChild(reading(asked, read))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(pending)
      yield* Deferred.await(interrupted)
    })
  )

  it("limits that make no sense are refused at once", () => {
    const read = () => Effect.succeed([])
    for (const limits of [
      { maxAgeMillis: -1 },
      { deadlineMillis: 0 },
      { maxAgeMillis: Number.NaN },
      { deadlineMillis: 1.5 }
    ]) {
      assert.throws(() => HostFacts.layer({ ...LIMITS, read, ...limits }), RangeError)
    }
  })
})

describe("HostFacts over HTTP", () => {
  /** A directory on the loopback that answers with this. */
  const directory = (respond: (asked: ReadonlyArray<unknown>) => { readonly status: number; readonly body: string }) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer(async (request, response) => {
          let body = ""
          for await (const chunk of request) body += chunk
          const answer = respond(JSON.parse(body))
          response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body)
        })
        server.listen(0, "127.0.0.1")
        await once(server, "listening")
        return server
      }),
      (server) => Effect.promise(() => new Promise((done) => server.close(done)))
    ).pipe(Effect.map(urlOf))

  const urlOf = (server: Server): string => {
    const address = server.address()
    assert(address !== null && typeof address === "object")
    return `http://127.0.0.1:${address.port}`
  }

  const readingOver = (asked: ReadonlyArray<FactsRequest>, url: string) =>
    Effect.provide(
      Effect.flatMap(Facts, (facts) => facts.read(asked)),
      HostFacts.layer({
        source: "directory",
        maxAgeMillis: 60_000,
        deadlineMillis: 5_000,
        read: async (requests, signal) => {
          const response = await fetch(url, {
            method: "POST",
            body: JSON.stringify(requests),
            signal,
            headers: { connection: "close" }
          })
          if (!response.ok) throw new Error(`the directory answered ${response.status}`)
          return response.json()
        }
      })
    )

  it.live("a real service is asked and believed; its errors, and what is no JSON, are not", () =>
    Effect.gen(function* () {
      const asked = yield* requests(3)
      const facts = asked.map(({ subject }) => favourableFacts(subject, 0))
      const body = () => JSON.stringify(facts.map((known) => ({ asOfMillis: Date.now(), facts: known })))
      const sound = yield* directory(() => ({ status: 200, body: body() }))
      const readings = yield* readingOver(asked, sound)
      assert.deepStrictEqual(
        readings.map((one) => one.facts),
        facts
      )
      const broken = yield* directory(() => ({ status: 500, body: body() }))
      yield* isUnavailable(readingOver(asked, broken), "it failed")
      const garbled = yield* directory(() => ({ status: 200, body: "<html>" }))
      yield* isUnavailable(readingOver(asked, garbled), "it failed")
    })
  )

  it.live("a service that is away is unavailable", () =>
    Effect.gen(function* () {
      const asked = yield* requests(1)
      const url = yield* Effect.scoped(directory(() => ({ status: 200, body: "[]" })))
      yield* isUnavailable(readingOver(asked, url), "it failed")
    })
  )
})
