/** What the laws have in common. */
import type { AuditLog, Notices, RunQueue, RunStore, UnitOfWork } from "@countersign/domain"
import type { Vitest } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"

/** The ports that are about runs; one store is behind all of them. */
export type RunPorts = AuditLog | Notices | RunQueue | RunStore | UnitOfWork

/** Where the laws of a port are registered. */
export type Register<R> = Vitest.MethodsNonLive<R>

/** Adapters are asked in real time: a pool, a lock or a poll does not follow a test clock. */
export const IN_REAL_TIME = { excludeTestServices: true, timeout: "60 seconds" } as const

/** How many samples a property takes: enough to meet the corners, few enough for a database. */
export const SAMPLES = { arbitrary: { runs: 40 } } as const

/** `[0, 1, …, count - 1]` */
export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, at) => at)

/** All at once, as far as the adapter lets them. */
export const racing = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Effect.all(Array.from(effects), { concurrency: "unbounded" })

/** Waits until a forked fiber gives this sign; when it ends before, with what it fails with instead of for ever. */
export const reached = <A, E>(sign: Deferred.Deferred<void>, fiber: Fiber.Fiber<A, E>): Effect.Effect<void, E> =>
  Effect.raceFirst(Deferred.await(sign), Effect.asVoid(Fiber.join(fiber)))
