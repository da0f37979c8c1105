/** The laws of `Schedules`: what is stored is what was computed, and each due schedule is dealt with by one. */
import {
  advanced,
  canonicalJson,
  isActive,
  MissedSlots,
  OperationType,
  paused,
  resumed,
  type Schedule,
  ScheduleId,
  type SchedulePage,
  ScheduleState,
  Schedules,
  transferred,
  UnitOfWork,
  UserId
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { HOSTILE_NAMES, HOSTILE_PAYLOADS } from "./hostile.ts"
import { IN_REAL_TIME, racing, upTo } from "./laws.ts"
import { makeWorld, type World } from "./World.ts"

/** The ports of these laws. */
export type SchedulePorts = Schedules | UnitOfWork

/** What an adapter can do beyond its ports, for laws that need it. */
export interface SchedulesHooks<R> {
  /** Makes the stored schedule unreadable, as somebody would who edits its row. */
  readonly corrupt?: (id: ScheduleId) => Effect.Effect<unknown, unknown, R>
}

let serial = 0

/** A schedule of this world, due at its beginning. */
export const scheduleOf = (world: World, given: Partial<Schedule> = {}): Schedule => {
  serial += 1
  return {
    id: ScheduleId.make(`schedule-${String(serial).padStart(6, "0")} of ${world.workspaceId}`),
    operationType: world.operationType,
    scope: {
      workspaceId: world.workspaceId,
      tenantId: world.tenantId,
      providerConnectionId: world.connectionId
    },
    payload: { scope: "all" },
    cron: "*/5 * * * *",
    zone: "Europe/Berlin",
    missed: MissedSlots.cases.Once.make({}),
    createdBy: { id: world.userId, name: "Ada" },
    createdAtMillis: world.atMillis - 1,
    owner: { id: world.userId, name: "Ada" },
    state: ScheduleState.cases.Active.make({ nextSlotMillis: world.atMillis }),
    lastSlotMillis: null,
    problem: null,
    revision: 1,
    ...given
  }
}

const added = Effect.fnUntraced(function* (schedules: ReadonlyArray<Schedule>) {
  const port = yield* Schedules
  yield* Effect.forEach(schedules, port.add, { discard: true })
  return schedules
})

const claimIn = (world: World, limit = 1000) => ({
  nowMillis: world.atMillis,
  operationTypes: [world.operationType],
  abandonedSinceMillis: world.atMillis - 60_000,
  limit
})

const idsOf = ({ schedules }: SchedulePage) => schedules.map(({ id }) => id)

/** The schedule after its due slot was dealt with. */
const dealtWith = (schedule: Schedule, nowMillis: number): Schedule => {
  assert(isActive(schedule))
  const due = { run: [schedule.state.nextSlotMillis], missed: 0, nextSlotMillis: nowMillis + 300_000 }
  return advanced(schedule, { due, problem: null, nowMillis })
}

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const schedulesLaws = <R, E>(
  name: string,
  adapter: Layer.Layer<SchedulePorts | R, E>,
  { corrupt }: SchedulesHooks<R> = {}
): void =>
  layer(adapter, IN_REAL_TIME)(`Schedules: ${name}`, (it) => {
    it.effect("a schedule is stored as it was computed, in every state", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const world = yield* makeWorld
        const bare = { workspaceId: world.workspaceId, tenantId: null, providerConnectionId: null }
        const active = scheduleOf(world)
        assert(isActive(active))
        const stored = yield* added([
          active,
          scheduleOf(world, { scope: bare, missed: MissedSlots.cases.All.make({ limit: 100 }) }),
          scheduleOf(world, {
            missed: MissedSlots.cases.Skip.make({}),
            payload: null,
            owner: { id: world.userId, name: null }
          }),
          paused(scheduleOf(world), world.atMillis),
          advanced(
            { ...active, ...scheduleOf(world), state: active.state },
            {
              due: { run: [], missed: 3, nextSlotMillis: world.atMillis + 1 },
              problem: "nobody knows the operation",
              nowMillis: world.atMillis
            }
          )
        ])
        for (const schedule of stored) assert.deepStrictEqual(yield* port.find(schedule.id), schedule)
        const missing = yield* Effect.flip(port.find(ScheduleId.make("nobody's")))
        assert.strictEqual(missing._tag, "ScheduleNotFound")
      })
    )

    it.effect("names and payloads of every kind come back as they were", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const world = yield* makeWorld
        for (const [at, name] of HOSTILE_NAMES.entries()) {
          const payload = HOSTILE_PAYLOADS[at % HOSTILE_PAYLOADS.length] ?? null
          const given = { id: ScheduleId.make(name), owner: { id: UserId.make(name), name }, payload }
          const [schedule] = yield* added([scheduleOf(world, given)])
          const found = yield* port.find(given.id)
          assert.deepStrictEqual({ ...found, payload: null }, { ...schedule, payload: null })
          assert.strictEqual(canonicalJson(found.payload), canonicalJson(payload))
          assert.isTrue(yield* port.remove(given.id))
        }
      })
    )

    it.effect("an id that exists is refused, and what is stored stays", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const world = yield* makeWorld
        const [stored] = yield* added([scheduleOf(world)])
        assert.isDefined(stored)
        const other = scheduleOf(world, { id: stored.id, cron: "0 0 * * *" })
        assert.strictEqual((yield* Effect.flip(port.add(other)))._tag, "ScheduleExists")
        assert.deepStrictEqual(yield* port.find(stored.id), stored)
      })
    )

    it.effect("a change is written if nobody has changed the schedule meanwhile, and not at all otherwise", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const world = yield* makeWorld
        const [stored] = yield* added([scheduleOf(world)])
        assert.isDefined(stored)
        const handedOver = transferred(stored, { id: UserId.make("ben"), name: null })
        assert.isTrue(yield* port.replace(stored, handedOver))
        assert.deepStrictEqual(yield* port.find(stored.id), handedOver)
        assert.isFalse(yield* port.replace(stored, paused(stored, world.atMillis)))
        assert.deepStrictEqual(yield* port.find(stored.id), handedOver)
        const stopped = paused(handedOver, world.atMillis + 1)
        assert.isTrue(yield* port.replace(handedOver, stopped))
        const going = Result.getOrThrow(resumed(stopped, world.atMillis + 2))
        assert.isTrue(yield* port.replace(stopped, going))
        assert.deepStrictEqual(yield* port.find(stored.id), going)
        assert.isTrue(yield* port.remove(stored.id))
        assert.isFalse(yield* port.remove(stored.id))
        assert.isFalse(yield* port.replace(going, paused(going, world.atMillis)))
      })
    )

    it.effect("what an addition says stays, whatever becomes of its payload and whatever else a change says", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const world = yield* makeWorld
        const payload = { items: [1] }
        const [stored] = yield* added([scheduleOf(world, { payload })])
        assert.isDefined(stored)
        payload.items.push(2)
        Object.assign((yield* port.find(stored.id)).payload ?? {}, { items: [] })
        const stopped = paused(stored, world.atMillis)
        assert.isTrue(yield* port.replace(stored, { ...stopped, cron: "0 0 * * *", payload: null }))
        assert.deepStrictEqual(yield* port.find(stored.id), { ...stopped, payload: { items: [1] } })
      })
    )

    it.effect("who holds a schedule is alone with it until the unit of work ends", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        const [stored] = yield* added([scheduleOf(world)])
        assert.isDefined(stored)
        const renaming = (name: string) =>
          transact(
            Effect.gen(function* () {
              const held = yield* port.hold(stored.id)
              yield* Effect.yieldNow
              return yield* port.replace(held, transferred(held, { id: world.userId, name }))
            })
          )
        const written = yield* racing(upTo(6).map((at) => renaming(`Ada ${at}`)))
        assert.deepStrictEqual(new Set(written), new Set([true]))
        assert.strictEqual((yield* port.find(stored.id)).revision, 7)
      })
    )

    it.effect("a list is the schedules by id, page by page, and those of one workspace only", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const [world, other] = [yield* makeWorld, yield* makeWorld]
        const stored = yield* added(upTo(5).map(() => scheduleOf(world)))
        yield* added([scheduleOf(other)])
        const listed: Array<Schedule> = []
        for (;;) {
          const after = listed.at(-1)?.id
          const page = yield* port.list({ workspaceId: world.workspaceId, limit: 2, ...(after && { after }) })
          assert.deepStrictEqual(page.unreadable, [])
          listed.push(...page.schedules)
          if (page.schedules.length < 2) break
        }
        assert.deepStrictEqual(listed, stored)
        assert.isAbove((yield* port.list({ limit: 1000 })).schedules.length, stored.length)
      })
    )

    it.effect(
      "due is what is active and whose slot has come, of known operations or left alone for long; the oldest first",
      () =>
        Effect.gen(function* () {
          const port = yield* Schedules
          const world = yield* makeWorld
          const at = (millis: number) => ScheduleState.cases.Active.make({ nextSlotMillis: world.atMillis + millis })
          const foreign = { operationType: OperationType.make(`another than ${world.operationType}`) }
          const [now, before, later, resting, unknown, abandoned] = yield* added([
            scheduleOf(world),
            scheduleOf(world, { state: at(-1) }),
            scheduleOf(world, { state: at(1) }),
            paused(scheduleOf(world), world.atMillis - 5),
            scheduleOf(world, { ...foreign, state: at(-59_999) }),
            scheduleOf(world, { ...foreign, state: at(-60_000) })
          ])
          assert(now && before && later && resting && unknown && abandoned)
          assert.deepStrictEqual(idsOf(yield* port.holdDue(claimIn(world))), [abandoned.id, before.id, now.id])
          assert.deepStrictEqual(idsOf(yield* port.holdDue(claimIn(world, 2))), [abandoned.id, before.id])
          assert.deepStrictEqual(yield* port.nextSlots([world.operationType]), {
            known: world.atMillis - 1,
            other: world.atMillis - 60_000
          })
          for (const types of [[OperationType.make("nobody's")], []]) {
            assert.deepStrictEqual(yield* port.nextSlots(types), { known: null, other: world.atMillis - 60_000 })
          }
          for (const { id } of [before, now]) yield* port.remove(id)
          assert.strictEqual((yield* port.nextSlots([world.operationType])).known, world.atMillis + 1)
        })
    )

    it.effect("many share what is due: each schedule is dealt with by one, and all of them are", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        const stored = yield* added(upTo(20).map(() => scheduleOf(world)))
        const share = transact(
          Effect.gen(function* () {
            const page = yield* port.holdDue(claimIn(world, 3))
            return yield* Effect.filter(page.schedules, (schedule) =>
              port.replace(schedule, dealtWith(schedule, world.atMillis))
            )
          })
        )
        const shares = (yield* racing(upTo(10).map(() => share))).flat()
        const rest: Array<Schedule> = []
        for (;;) {
          const more = yield* share
          if (more.length === 0) break
          rest.push(...more)
        }
        assert.sameMembers(
          [...shares, ...rest].map(({ id }) => id),
          stored.map(({ id }) => id)
        )
      })
    )

    it.effect("a unit of work that fails leaves nothing of it", () =>
      Effect.gen(function* () {
        const port = yield* Schedules
        const { transact } = yield* UnitOfWork
        const world = yield* makeWorld
        const [stored] = yield* added([scheduleOf(world)])
        assert.isDefined(stored)
        const attempt = Effect.gen(function* () {
          const held = yield* port.hold(stored.id)
          yield* port.add(scheduleOf(world))
          yield* port.replace(held, dealtWith(held, world.atMillis))
          return yield* Effect.fail("no")
        })
        yield* Effect.flip(transact(attempt))
        const { schedules } = yield* port.list({ workspaceId: world.workspaceId, limit: 10 })
        assert.deepStrictEqual(schedules, [stored])
      })
    )

    if (corrupt !== undefined) {
      it.effect("one that cannot be read is told apart, and set aside hinders nobody", () =>
        Effect.gen(function* () {
          const port = yield* Schedules
          const world = yield* makeWorld
          const [broken, whole] = yield* added([scheduleOf(world), scheduleOf(world)])
          assert(broken && whole)
          yield* corrupt(broken.id)
          const page = yield* port.holdDue(claimIn(world))
          assert.deepStrictEqual(idsOf(page), [whole.id])
          assert.deepStrictEqual(
            page.unreadable.map(({ scheduleId }) => scheduleId),
            [broken.id]
          )
          assert.strictEqual((yield* Effect.flip(port.find(broken.id)))._tag, "ScheduleUnreadable")
          yield* port.setAside(page.unreadable, world.atMillis)
          assert.deepStrictEqual((yield* port.holdDue(claimIn(world))).unreadable, [])
          // Who has read it before must not set it going again.
          assert.isFalse(yield* port.replace(broken, broken))
          assert.isTrue(yield* port.remove(broken.id))
        })
      )
    }
  })
