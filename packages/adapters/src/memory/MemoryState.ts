/**
 * The one state behind every port of the memory adapter: what is committed, the unit of work in flight, and the lock that
 * lets one in at a time.
 */
import { Context, Effect, Exit, Layer, PubSub, type Result, Semaphore, Stream } from "effect"
import { Tables } from "./Tables.ts"

/** A unit of work in flight: its own view of the tables, until it ends. */
interface Unit {
  tables: Tables
  ended: boolean
}

/** The units a fiber is in, by the state they belong to: a program may have several. */
const CurrentUnits = Context.Reference<ReadonlyMap<object, Unit>>("@countersign/adapters/memory/CurrentUnits", {
  defaultValue: () => new Map()
})

/** What a change leads to: its answer, and the tables after it. */
export type Changed<A> = readonly [answer: A, tables: Tables]

/** What the memory adapter stores: whole before every change and whole after it. */
export class MemoryState extends Context.Service<
  MemoryState,
  {
    /** Looks at the tables of the surrounding unit of work, or at what is committed. Never waits. */
    readonly look: <A>(at: (tables: Tables) => A) => Effect.Effect<A>
    /** Changes the tables: with the surrounding unit of work, or in one of its own. A failure changes nothing. */
    readonly change: <A, E = never>(by: (tables: Tables) => Result.Result<Changed<A>, E>) => Effect.Effect<A, E>
    /** See the port `UnitOfWork`. */
    readonly transact: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** One element after each commit by which runs began to wait. */
    readonly arrivals: Stream.Stream<void>
  }
>()("@countersign/adapters/memory/MemoryState") {}

/** An empty state of its own. */
export const layerMemoryState: Layer.Layer<MemoryState> = Layer.effect(
  MemoryState,
  Effect.gen(function* () {
    const lock = yield* Semaphore.make(1)
    // Who is busy needs to hear once, not once for each: a wake says "look", and looking finds everything.
    const arrivals = yield* Effect.acquireRelease(PubSub.sliding<void>(1), PubSub.shutdown)
    const self = {}
    let committed = Tables.empty

    const unitIn = (units: ReadonlyMap<object, Unit>): Unit | undefined => {
      const unit = units.get(self)
      return unit?.ended === false ? unit : undefined
    }

    const commit = (unit: Unit) => {
      const arrived = unit.tables.arrivals !== committed.arrivals
      committed = unit.tables
      return arrived ? PubSub.publish(arrivals, undefined) : Effect.void
    }

    /** The outermost unit: has the lock until it is committed or forgotten, whichever way it ends. */
    const begun = <A, E, R>(effect: Effect.Effect<A, E, R>, units: ReadonlyMap<object, Unit>) =>
      lock.withPermit(
        Effect.suspend(() => {
          const unit: Unit = { tables: committed, ended: false }
          return effect.pipe(
            Effect.provideService(CurrentUnits, new Map(units).set(self, unit)),
            Effect.onExit((exit) => {
              unit.ended = true
              return Exit.isSuccess(exit) ? commit(unit) : Effect.void
            })
          )
        })
      )

    /** A unit inside another: takes back its own part when it fails, and leaves the rest to the outer one. */
    const joined = <A, E, R>(effect: Effect.Effect<A, E, R>, unit: Unit) =>
      Effect.suspend(() => {
        const before = unit.tables
        return Effect.onExit(effect, (exit) => {
          if (Exit.isFailure(exit)) unit.tables = before
          return Effect.void
        })
      })

    const transact = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.flatMap(CurrentUnits, (units) => {
        const unit = unitIn(units)
        return unit === undefined ? begun(effect, units) : joined(effect, unit)
      })

    const look = <A>(at: (tables: Tables) => A): Effect.Effect<A> =>
      Effect.map(CurrentUnits, (units) => at(unitIn(units)?.tables ?? committed))

    const change = <A, E = never>(by: (tables: Tables) => Result.Result<Changed<A>, E>): Effect.Effect<A, E> =>
      transact(
        Effect.flatMap(CurrentUnits, (units) => {
          const unit = unitIn(units)
          if (unit === undefined) return Effect.die(new Error("a change is always made in a unit of work"))
          return Effect.map(Effect.fromResult(by(unit.tables)), ([answer, tables]) => {
            unit.tables = tables
            return answer
          })
        })
      )

    return MemoryState.of({ look, change, transact, arrivals: Stream.fromPubSub(arrivals) })
  })
)
