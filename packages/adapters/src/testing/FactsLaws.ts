/** The laws of `Facts`: what was set is read, what is unknown is null, and nothing of somebody else's is told. */
import {
  type AuthorityFacts,
  Capability,
  decide,
  Facts,
  type FactsRequest,
  NOTHING_KNOWN,
  PrerequisiteName,
  type Requirements,
  Role,
  type Subject,
  systemAuthority,
  UnitOfWork
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Schema } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { hostsPartArbitrary } from "./hostile.ts"
import { IN_REAL_TIME, SAMPLES } from "./laws.ts"
import { CAPABILITY, requirementsOf } from "./rulings.ts"
import { makeWorld, type World } from "./World.ts"

const ROLE = Role.make("operator")
const PREREQUISITE = PrerequisiteName.make("licence")

const asking = (subject: Subject, given: Partial<Requirements> = {}): FactsRequest => ({
  subject,
  requirements: { ...requirementsOf(subject), prerequisites: [PREREQUISITE], ...given }
})

const factsFor = (request: FactsRequest) =>
  Effect.gen(function* () {
    const [reading, ...more] = yield* (yield* Facts).read([request])
    assert.deepStrictEqual(more, [])
    assert(reading)
    for (const [fact, value] of Object.entries(reading.facts)) {
      if (value !== null && fact !== "prerequisites") assert.property(reading.sources, fact)
    }
    return reading.facts
  })

/** Sets every fact in favour of this subject's person, and answers with the facts that are now known. */
const favoured = (subject: Subject, checkedAtMillis: number) =>
  Effect.gen(function* () {
    const book = yield* AuthorityBook
    const { workspaceId, tenantId, providerConnectionId } = subject.scope
    yield* book.setWorkspace({ id: workspaceId, open: true })
    yield* book.setRole(workspaceId, ROLE, [CAPABILITY, Capability.make("not asked for")])
    if (tenantId !== null) {
      yield* book.setTenant({ id: tenantId, workspaceId, state: "active" })
      yield* book.setWriteGate({ tenantId, health: "ok", checkedAtMillis })
    }
    if (providerConnectionId !== null) {
      yield* book.setConnection({ id: providerConnectionId, workspaceId, tenantId, enabled: true, connected: true })
    }
    yield* book.setPrerequisite({ name: PREREQUISITE, workspaceId, tenantId, satisfied: true })
    const userId = subject.authority._tag === "ActorBound" ? subject.authority.initiator : null
    if (userId !== null) {
      yield* book.setUser({ id: userId, name: "Ada \u{1F9EE}", disabled: false })
      yield* book.setMembership(workspaceId, userId, ROLE)
      if (tenantId !== null) yield* book.setEntitlement(userId, tenantId)
    }
    const facts: AuthorityFacts = {
      workspace: { id: workspaceId, open: true },
      tenant: tenantId && { id: tenantId, workspaceId, state: "active" },
      initiator: userId && { id: userId, disabled: false },
      membership: userId && { workspaceId, userId, capabilities: [CAPABILITY] },
      entitlement: userId && tenantId && { userId, tenantId },
      connection: providerConnectionId && {
        id: providerConnectionId,
        workspaceId,
        tenantId,
        enabled: true,
        connected: true
      },
      writeGate: tenantId && { tenantId, health: "ok", checkedAtMillis },
      prerequisites: [{ name: PREREQUISITE, workspaceId, tenantId, satisfied: true }]
    }
    return facts
  })

/** One way to lose each fact, and what is known after it. */
const losses = (world: World) =>
  Effect.map(AuthorityBook, (book): ReadonlyArray<readonly [Effect.Effect<void, unknown>, Partial<AuthorityFacts>]> => {
    const { workspaceId, tenantId, userId, connectionId } = world
    const connection = { id: connectionId, workspaceId, tenantId, enabled: false, connected: true }
    const bare = { workspaceId, userId, capabilities: [] }
    return [
      [book.setWorkspace({ id: workspaceId, open: false }), { workspace: { id: workspaceId, open: false } }],
      [book.removeWorkspace(workspaceId), { workspace: null }],
      [book.setUser({ id: userId, name: "Ada", disabled: true }), { initiator: { id: userId, disabled: true } }],
      [book.setRole(workspaceId, ROLE, []), { membership: bare }],
      [book.setMembership(workspaceId, userId, Role.make("a role nobody set")), { membership: bare }],
      [book.removeMembership(workspaceId, userId), { membership: null }],
      [
        book.setTenant({ id: tenantId, workspaceId, state: "archived" }),
        { tenant: { id: tenantId, workspaceId, state: "archived" } }
      ],
      [book.removeEntitlement(userId, tenantId), { entitlement: null }],
      [book.setConnection(connection), { connection }],
      [book.removeConnection(connectionId), { connection: null }],
      [
        book.setWriteGate({ tenantId, health: "degraded", checkedAtMillis: null }),
        { writeGate: { tenantId, health: "degraded", checkedAtMillis: null } }
      ],
      [book.removeWriteGate(tenantId), { writeGate: null }],
      [
        book.setPrerequisite({ name: PREREQUISITE, workspaceId, tenantId, satisfied: false }),
        { prerequisites: [{ name: PREREQUISITE, workspaceId, tenantId, satisfied: false }] }
      ],
      [book.removePrerequisite(PREREQUISITE, workspaceId, tenantId), { prerequisites: [] }]
    ]
  })

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
