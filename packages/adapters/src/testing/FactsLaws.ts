/** The laws of `Facts`: what was set is read, what is unknown is null, and nothing of somebody else's is told. */
import { Capability, decide, Facts, NOTHING_KNOWN, systemAuthority, UnitOfWork } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Schema } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { asking, factsFor, favoured, losses, PREREQUISITE } from "./facts.ts"
import { hostsPartArbitrary } from "./hostile.ts"
import { IN_REAL_TIME, SAMPLES } from "./laws.ts"
import { makeWorld } from "./World.ts"

/** Every adapter keeps these. The layer gives an empty book; it is built once and shared by the laws. */
export const factsLaws = <E>(name: string, adapter: Layer.Layer<Facts | UnitOfWork | AuthorityBook, E>): void =>
  layer(adapter, IN_REAL_TIME)(`Facts: ${name}`, (it) => {
    it.effect("nothing_known_is_denied: who is unknown is answered with nulls, never with an error", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        for (const { subject } of [world.dispatch(), world.systemDispatch()]) {
          assert.deepStrictEqual(yield* factsFor(asking(subject)), NOTHING_KNOWN)
          assert.deepStrictEqual(yield* factsFor({ subject, requirements: null }), NOTHING_KNOWN)
        }
        assert.deepStrictEqual(yield* (yield* Facts).read([]), [])
      })
    )

    it.effect.prop(
      "what was set is read, whatever the names",
      [hostsPartArbitrary],
      ([{ subject }]) =>
        Effect.gen(function* () {
          const { atMillis, workspaceId } = yield* makeWorld
          // A workspace of its own; every other name may have been used before.
          const own = { ...subject, scope: { ...subject.scope, workspaceId } }
          const facts = yield* favoured(own, atMillis)
          const request = asking(own)
          assert.deepStrictEqual(yield* factsFor(request), facts)
          const decision = decide({ takenAtMillis: atMillis, subject: own, requirements: request.requirements, facts })
          assert.strictEqual(decision._tag, "Allowed")
        }),
      SAMPLES
    )

    it.effect(
      "losing_a_fact_never_allows: every loss is seen by the next reading, and is the only thing that changed",
      () =>
        Effect.gen(function* () {
          const worlds = yield* Effect.forEach(Array.from({ length: 14 }), () => makeWorld)
          for (const [at, world] of worlds.entries()) {
            const { subject } = world.dispatch()
            const request = asking(subject)
            const facts = yield* favoured(subject, world.atMillis)
            const all = yield* losses(world)
            assert.strictEqual(all.length, worlds.length)
            const loss = all[at]
            assert(loss)
            yield* loss[0]
            const left = { ...facts, ...loss[1] }
            assert.deepStrictEqual(yield* factsFor(request), left)
            const { requirements } = request
            const decision = decide({ takenAtMillis: world.atMillis, subject, requirements, facts: left })
            assert.strictEqual(decision._tag, "Denied")
          }
        })
    )

    it.effect("who is removed is unknown", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        const { subject } = world.dispatch()
        yield* favoured(subject, world.atMillis)
        yield* book.removeUser(world.userId)
        assert.isNull((yield* factsFor(asking(subject))).initiator)
        yield* book.removeTenant(world.tenantId)
        assert.isNull((yield* factsFor(asking(subject))).tenant)
      })
    )

    it.effect("a tenant or connection that moved is told where it is now", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        const { subject } = world.dispatch()
        yield* favoured(subject, world.atMillis)
        yield* book.setWorkspace({ id: other.workspaceId, open: true })
        const tenant = { id: world.tenantId, workspaceId: other.workspaceId, state: "active" }
        yield* book.setTenant(tenant)
        const { workspaceId } = other
        const connection = { id: world.connectionId, workspaceId, tenantId: null, enabled: true, connected: true }
        yield* book.setConnection(connection)
        const facts = yield* factsFor(asking(subject))
        assert.deepStrictEqual([facts.tenant, facts.connection], [tenant, connection])
      })
    )

    it.effect("other_tenants_facts_do_not_matter: one workspace's facts are not told to another's run", () =>
      Effect.gen(function* () {
        const [mine, theirs] = [yield* makeWorld, yield* makeWorld]
        const { subject } = mine.dispatch()
        yield* favoured(theirs.dispatch().subject, mine.atMillis)
        assert.deepStrictEqual(yield* factsFor(asking(subject)), NOTHING_KNOWN)
        // The same person and the same role there: neither membership nor capability here.
        const borrowed = { ...theirs.dispatch().subject, scope: subject.scope }
        const facts = yield* factsFor(asking(borrowed))
        assert.deepStrictEqual(facts, { ...NOTHING_KNOWN, initiator: { id: theirs.userId, disabled: false } })
      })
    )

    it.effect("only what the operation asks about is told", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { subject } = world.dispatch()
        yield* favoured(subject, world.atMillis)
        const { workspaceId, userId } = world
        for (const capability of [null, Capability.make("not held")]) {
          const facts = yield* factsFor(asking(subject, { capability, prerequisites: [] }))
          assert.deepStrictEqual(facts.membership, { workspaceId, userId, capabilities: [] })
          assert.deepStrictEqual(facts.prerequisites, [])
        }
        const undeclared = yield* factsFor({ subject, requirements: null })
        assert.deepStrictEqual(undeclared.membership?.capabilities, [])
        const system = yield* factsFor(asking({ ...subject, authority: systemAuthority }))
        assert.deepStrictEqual([system.initiator, system.membership, system.entitlement], [null, null, null])
      })
    )

    it.effect("a prerequisite of the workspace itself is none of its tenants', nor the other way round", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        const { subject } = world.dispatch()
        const { workspaceId, tenantId } = world
        const told = (of: typeof tenantId | null) =>
          Effect.map(
            factsFor(asking({ ...subject, scope: { ...subject.scope, tenantId: of } })),
            ({ prerequisites }) => prerequisites
          )
        const ofWorkspace = { name: PREREQUISITE, workspaceId, tenantId: null, satisfied: true }
        yield* book.setPrerequisite(ofWorkspace)
        assert.deepStrictEqual([yield* told(tenantId), yield* told(null)], [[], [ofWorkspace]])
        const ofTenant = { ...ofWorkspace, tenantId, satisfied: false }
        yield* book.setPrerequisite(ofTenant)
        const asked = [yield* told(tenantId), yield* told(null), yield* told(other.tenantId)]
        assert.deepStrictEqual(asked, [[ofTenant], [ofWorkspace], []])
      })
    )

    it.effect.prop(
      "many are answered in the order asked, also when one is asked twice",
      [Schema.Array(Schema.Literals([0, 1, 2])).check(Schema.isMaxLength(8))],
      ([order]) =>
        Effect.gen(function* () {
          const worlds = [yield* makeWorld, yield* makeWorld, yield* makeWorld]
          const known = yield* Effect.forEach(worlds.slice(0, 2), (world) =>
            favoured(world.dispatch().subject, world.atMillis)
          )
          const asked = order.map((at) => worlds[at]).filter((world) => world !== undefined)
          const readings = yield* (yield* Facts).read(asked.map((world) => asking(world.dispatch().subject)))
          assert.deepStrictEqual(
            readings.map(({ facts }) => facts),
            order.map((at) => known[at] ?? NOTHING_KNOWN)
          )
        }),
      SAMPLES
    )

    it.effect("inside a unit of work its own changes are seen; when it fails they never were", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        const { subject } = world.dispatch()
        const facts = yield* favoured(subject, world.atMillis)
        yield* Effect.flip(
          transact(
            Effect.gen(function* () {
              yield* book.removeMembership(world.workspaceId, world.userId)
              assert.isNull((yield* factsFor(asking(subject))).membership)
              return yield* Effect.fail("no")
            })
          )
        )
        assert.deepStrictEqual(yield* factsFor(asking(subject)), facts)
      })
    )
  })
