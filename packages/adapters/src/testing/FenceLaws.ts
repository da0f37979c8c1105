/** The laws of `Fence`: a revocation that has committed is always seen, one that comes later waits. */
import { Facts, Fence, UnitOfWork, type UserId } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer } from "effect"
import { AuthorityBook } from "./AuthorityBook.ts"
import { changes, joined } from "./changes.ts"
import { epochOf } from "./epochs.ts"
import { IN_REAL_TIME, racing, reached, upTo } from "./laws.ts"
import { requirementsOf } from "./rulings.ts"
import { makeWorld, type World } from "./World.ts"

const isMember = (world: World) =>
  Effect.gen(function* () {
    const { subject } = world.dispatch()
    const [reading] = yield* (yield* Facts).read([{ subject, requirements: requirementsOf(subject) }])
    return reading?.facts.membership != null
  })

/** Every adapter keeps these. The layer gives an empty book; it is built once and shared by the laws. */
export const fenceLaws = <E>(name: string, adapter: Layer.Layer<Fence | Facts | UnitOfWork | AuthorityBook, E>): void =>
  layer(adapter, IN_REAL_TIME)(`Fence: ${name}`, (it) => {
    it.effect("answers with the epoch of every workspace nobody is changing, known or not", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const fence = yield* Fence
        const [known, unknown] = [yield* makeWorld, yield* makeWorld]
        yield* joined(known)
        const ids = new Set([known.workspaceId, unknown.workspaceId])
        const epochs = yield* transact(fence.take(ids))
        // A run of a workspace nobody knows must be decided (and denied), not wait for ever.
        assert.sameMembers([...epochs.keys()], [...ids])
        assert.deepStrictEqual(yield* transact(fence.take(ids)), epochs)
        assert.deepStrictEqual(yield* transact(fence.take(new Set())), new Map())
      })
    )

    it.effect("every change of facts moves the workspace's epoch", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        yield* joined(world)
        let epoch = yield* epochOf(world.workspaceId)
        for (const [change, effect] of Object.entries(yield* changes(world))) {
          yield* effect
          const now = yield* epochOf(world.workspaceId)
          assert.isAbove(now, epoch, change)
          epoch = now
        }
      })
    )

    it.effect("removing what is not there moves nothing", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        yield* joined(world)
        const all = yield* changes(world)
        const removals = Object.entries(all).filter(([change]) => change.startsWith("remove"))
        for (const [, removal] of removals) yield* removal
        const epoch = yield* epochOf(world.workspaceId)
        for (const [change, removal] of removals) {
          yield* removal
          assert.strictEqual(yield* epochOf(world.workspaceId), epoch, change)
        }
      })
    )

    it.effect("a tenant or connection that moves away moves the epochs of both workspaces", () =>
      Effect.gen(function* () {
        const book = yield* AuthorityBook
        const [from, to] = [yield* makeWorld, yield* makeWorld]
        yield* joined(from)
        yield* joined(to)
        const both = Effect.all([epochOf(from.workspaceId), epochOf(to.workspaceId)])
        const [leftBefore, reachedBefore] = yield* both
        yield* book.setTenant({ id: from.tenantId, workspaceId: to.workspaceId, state: "active" })
        const [left, reached] = yield* both
        assert.isTrue(left > leftBefore && reached > reachedBefore)
        const { workspaceId, tenantId } = to
        yield* book.setConnection({ id: from.connectionId, workspaceId, tenantId, enabled: true, connected: true })
        const [leftLater, reachedLater] = yield* both
        assert.isTrue(leftLater > left && reachedLater > reached)
      })
    )

    it.effect("a change that is taken back moves nothing", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        yield* joined(world)
        const before = yield* epochOf(world.workspaceId)
        const change = book.removeMembership(world.workspaceId, world.userId)
        yield* Effect.flip(transact(Effect.andThen(change, Effect.fail("no"))))
        assert.strictEqual(yield* epochOf(world.workspaceId), before)
        assert.isTrue(yield* isMember(world))
      })
    )

    it.effect("a revocation waits for the units of work that hold the fence", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const fence = yield* Fence
        const book = yield* AuthorityBook
        const world = yield* makeWorld
        yield* joined(world)
        const taken = yield* Deferred.make<void>()
        let revoked = false
        const admission = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* fence.take(new Set([world.workspaceId]))
              yield* Deferred.succeed(taken, undefined)
              yield* Effect.sleep("80 millis")
              assert.isFalse(revoked, "the revocation did not wait")
              assert.isTrue(yield* isMember(world))
            })
          )
        )
        yield* reached(taken, admission)
        yield* book.removeMembership(world.workspaceId, world.userId)
        revoked = true
        yield* Fiber.join(admission)
        assert.isFalse(yield* isMember(world))
      })
    )

    it.effect("while facts are being changed, who takes the fence waits or is not given that workspace", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const fence = yield* Fence
        const book = yield* AuthorityBook
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        yield* joined(world)
        yield* joined(other)
        const changing = yield* Deferred.make<void>()
        const revocation = yield* Effect.forkChild(
          transact(
            Effect.gen(function* () {
              yield* book.removeMembership(world.workspaceId, world.userId)
              yield* Deferred.succeed(changing, undefined)
              yield* Effect.sleep("80 millis")
            })
          )
        )
        yield* reached(changing, revocation)
        yield* transact(
          Effect.gen(function* () {
            const epochs = yield* fence.take(new Set([world.workspaceId, other.workspaceId]))
            assert.isTrue(epochs.has(other.workspaceId))
            assert.isTrue(yield* isMember(other))
            if (epochs.has(world.workspaceId)) assert.isFalse(yield* isMember(world))
          })
        )
        yield* Fiber.join(revocation)
      })
    )

    it.effect("revoked_after_dispatch_never_acts: behind the fence no committed revocation is ever missed", () =>
      Effect.gen(function* () {
        const { transact } = yield* UnitOfWork
        const fence = yield* Fence
        const book = yield* AuthorityBook
        const worlds = yield* Effect.forEach(upTo(6), () => makeWorld)
        yield* Effect.forEach(worlds, joined, { discard: true })
        const revoked = new Set<UserId>()
        const workspaces = new Set(worlds.map(({ workspaceId }) => workspaceId))
        const admission = transact(
          Effect.gen(function* () {
            const before = new Set(revoked)
            const epochs = yield* fence.take(workspaces)
            yield* Effect.sleep("2 millis")
            for (const world of worlds) {
              if (!epochs.has(world.workspaceId)) continue
              const member = yield* isMember(world)
              if (before.has(world.userId)) assert.isFalse(member, "a committed revocation was missed")
              // Nothing of it can commit while the fence is held.
              if (member) assert.isFalse(revoked.has(world.userId), "a revocation did not wait")
            }
          })
        )
        const revocation = ({ workspaceId, userId }: World, at: number) =>
          Effect.gen(function* () {
            yield* Effect.sleep(at * 4)
            yield* book.removeMembership(workspaceId, userId)
            revoked.add(userId)
          })
        yield* racing([
          ...upTo(3).map(() => Effect.repeat(admission, { times: 8 })),
          ...worlds.map((world, at) => revocation(world, at))
        ])
        for (const world of worlds) assert.isFalse(yield* isMember(world))
      })
    )
  })
