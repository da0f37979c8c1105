/** Every port over memory, each of them ready to misbehave at a test's word. */
import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import {
  type AuditLog,
  Facts,
  type FactsRequest,
  FactsUnavailable,
  type Fence,
  Notices,
  type Pauses,
  RunQueue,
  RunStore,
  type Schedules,
  type Step,
  type StoreTrouble,
  StoreUnavailable,
  UnitOfWork
} from "@countersign/domain"
import { Context, Effect, Layer } from "effect"

export type StoreOperation =
  | "transact"
  /** Within a unit of work, when all of it is done: a failure undoes it. */
  | "commit"
  | "dispatch"
  | "hold"
  | "write"
  | "extendLeases"
  | "holdOrphans"
  | "holdExpired"
  | "holdRunning"
  | "saveCounts"
  | "prune"
  | "holdNext"
  | "postpone"
  | "offerHeldAgain"
  | "takeDue"
  | "markDelivered"
  | "deferDelivery"
  | "countActive"

/** One call of a port; `steps` are those of a write. */
export interface StoreCall {
  readonly operation: StoreOperation
  readonly steps: ReadonlyArray<Step>
}

type StoreHook = (call: StoreCall) => Effect.Effect<void, StoreUnavailable>
type FactsHook = (requests: ReadonlyArray<FactsRequest>) => Effect.Effect<void, FactsUnavailable>

const calmStore: StoreHook = () => Effect.void
const calmFacts: FactsHook = () => Effect.void

/** What goes wrong. Assign a hook to make trouble; {@link calm} ends it. */
export class Trouble extends Context.Service<
  Trouble,
  {
    /** Happens before each call; a failure means that nothing was done. */
    beforeStore: StoreHook
    /** Happens after each call; a failure means that it was done and its answer was lost. */
    afterStore: StoreHook
    beforeFacts: FactsHook
  }
>()("test/Trouble") {}

export const calm = Effect.map(Trouble, (trouble) => {
  trouble.beforeStore = calmStore
  trouble.afterStore = calmStore
  trouble.beforeFacts = calmFacts
})

/** A store that nobody answers for. */
export const away = (trouble: StoreTrouble = "unreachable") =>
  new StoreUnavailable({ trouble, operation: "do anything", advice: "start the store", cause: new Error("away") })

/** From now on, until {@link calm}: the store is away. */
export const storeAway = Effect.map(Trouble, (trouble) => {
  trouble.beforeStore = () => Effect.fail(away())
})

/** Facts that cannot be read. */
export const unreadableFacts = new FactsUnavailable({ source: "test", advice: "wait", cause: new Error("unreadable") })

/** No trouble yet; each build has its own. */
export const layerTrouble = Layer.sync(Trouble, () => ({
  beforeStore: calmStore,
  afterStore: calmStore,
  beforeFacts: calmFacts
}))

const guarded = Effect.map(
  Trouble,
  (trouble) =>
    <A, E, R>(operation: StoreOperation, call: Effect.Effect<A, E, R>, steps: ReadonlyArray<Step> = []) =>
      Effect.suspend(() => trouble.beforeStore({ operation, steps })).pipe(
        Effect.andThen(call),
        Effect.tap(() => trouble.afterStore({ operation, steps }))
      )
)

const layerUnrulyStore = Layer.effect(
  RunStore,
  Effect.gen(function* () {
    const real = yield* RunStore
    const call = yield* guarded
    return RunStore.of({
      ...real,
      dispatch: (steps) => call("dispatch", real.dispatch(steps)),
      hold: (id) => call("hold", real.hold(id)),
      write: (steps, lease) => call("write", real.write(steps, lease), steps),
      extendLeases: (held, lease) => call("extendLeases", real.extendLeases(held, lease)),
      holdOrphans: (nowMillis, limit) => call("holdOrphans", real.holdOrphans(nowMillis, limit)),
      holdExpired: (nowMillis, limit) => call("holdExpired", real.holdExpired(nowMillis, limit)),
      holdRunning: (held) => call("holdRunning", real.holdRunning(held)),
      saveCounts: (reports) => call("saveCounts", real.saveCounts(reports)),
      prune: (pruning) => call("prune", real.prune(pruning))
    })
  })
)

const layerUnrulyQueue = Layer.effect(
  RunQueue,
  Effect.gen(function* () {
    const real = yield* RunQueue
    const call = yield* guarded
    return RunQueue.of({
      ...real,
      holdNext: (claim) => call("holdNext", real.holdNext(claim)),
      postpone: (ids, untilMillis) => call("postpone", real.postpone(ids, untilMillis)),
      offerHeldAgain: (nowMillis) => call("offerHeldAgain", real.offerHeldAgain(nowMillis)),
      countActive: (types) => call("countActive", real.countActive(types))
    })
  })
)

const layerUnrulyUnit = Layer.effect(
  UnitOfWork,
  Effect.gen(function* () {
    const real = yield* UnitOfWork
    const call = yield* guarded
    const trouble = yield* Trouble
    const commit = Effect.suspend(() => trouble.beforeStore({ operation: "commit", steps: [] }))
    return UnitOfWork.of({
      transact: (effect) => call("transact", real.transact(Effect.tap(effect, () => commit)))
    })
  })
)

const layerUnrulyNotices = Layer.effect(
  Notices,
  Effect.gen(function* () {
    const real = yield* Notices
    const call = yield* guarded
    return Notices.of({
      ...real,
      takeDue: (nowMillis, hiddenUntilMillis, limit) =>
        call("takeDue", real.takeDue(nowMillis, hiddenUntilMillis, limit)),
      markDelivered: (ids, atMillis) => call("markDelivered", real.markDelivered(ids, atMillis)),
      deferDelivery: (id, dueAtMillis, problem, takenBy) =>
        call("deferDelivery", real.deferDelivery(id, dueAtMillis, problem, takenBy))
    })
  })
)

const layerUnrulyFacts = Layer.effect(
  Facts,
  Effect.gen(function* () {
    const real = yield* Facts
    const trouble = yield* Trouble
    return Facts.of({
      read: (requests) =>
        Effect.andThen(
          Effect.suspend(() => trouble.beforeFacts(requests)),
          real.read(requests)
        )
    })
  })
)

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

/** These ports, ready to misbehave: for one worker of several, over one state that they share. */
export const layerUnrulyPorts: Layer.Layer<
  Facts | Notices | RunQueue | RunStore | UnitOfWork,
  never,
  Facts | Notices | RunQueue | RunStore | Trouble | UnitOfWork
> = Layer.mergeAll(layerUnrulyStore, layerUnrulyQueue, layerUnrulyUnit, layerUnrulyNotices, layerUnrulyFacts)

/** Every port, and the book of facts, over one state in memory that is gone with the layer. */
export const layerUnruly: Layer.Layer<
  AuditLog | AuthorityBook | Facts | Fence | Notices | Pauses | RunQueue | RunStore | Schedules | Trouble | UnitOfWork
> = layerUnrulyPorts.pipe(
  Layer.provideMerge(layerBook),
  Layer.provideMerge(layerMemory),
  Layer.provideMerge(layerTrouble)
)
