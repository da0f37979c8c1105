/**
 * What an embedding host uses: dispatch, schedule, look, explain, cancel. Workers run beside it (`Worker.layer`), here or elsewhere.
 *
 * Contract sections 2 to 6.
 */

import { sha256Hex } from "@countersign/adapters"
import {
  type AuditLog,
  type Canceller,
  type Catalogue,
  type Digest,
  type Dispatched,
  type Facts,
  type FactsUnavailable,
  type FirstStep,
  type IllegalTransition,
  type OutsideQueue,
  type Pause,
  type Paused,
  Pauses,
  type Run,
  type RunFilter,
  type RunId,
  type RunNotFound,
  type RunPage,
  RunStore,
  type RunUnreadable,
  rangeProblem,
  type Schedule,
  type ScheduleFilter,
  type ScheduleId,
  type ScheduleNotFound,
  type SchedulePage,
  Schedules,
  type ScheduleUnreadable,
  type StoreUnavailable,
  type UnitOfWork
} from "@countersign/domain"
import { Context, Effect, Layer } from "effect"
import type { SecureRandom } from "effect/crypto"
import { type CancelRefused, cancelRun } from "./Cancellation.ts"
import { type DispatchRequests, dispatchAllTyped, dispatchAllUntyped, prepareAllTyped } from "./DispatchAll.ts"
import { dispatchTyped, dispatchUntyped, prepareTyped } from "./Dispatcher.ts"
import type {
  DispatchAllRefused,
  DispatchRefused,
  DispatchRequest,
  RequestedAuthority,
  UntypedDispatchRequest
} from "./DispatchRequest.ts"
import { type ExplainedRun, explainRun, type InspectedRun, inspectRun } from "./Inspection.ts"
import { PAYLOAD_MAX_BYTES, SIZE_RANGE } from "./JsonSize.ts"
import { type PauseRefused, type PauseRequest, pauseRuns, type ResumeRequest, resumeRuns } from "./Pausing.ts"
import { layerPooledRandom } from "./PooledRandom.ts"
import { retryRun } from "./Retry.ts"
import type { NamedPerson, ScheduleRequest, UntypedScheduleRequest } from "./ScheduleRequest.ts"
import {
  type AddFailure,
  addSchedule,
  addUntyped,
  type ChangeFailure,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
  transferSchedule
} from "./Scheduling.ts"

/** What the service is told once. */
export interface CountersignOptions {
  readonly catalogue: Catalogue
  /** The largest payload taken, in bytes of JSON; 64 KiB unless given, 64 MiB at most. */
  readonly payloadMaxBytes?: number
  /** The host's own queue, if runs are to be delivered by it; give it to the workers as well. */
  readonly queue?: OutsideQueue["Service"]
}

type Unfound = RunNotFound | RunUnreadable | StoreUnavailable

/** The gate as a service: dispatch, look, explain, cancel. Fails with typed errors only; a denial is no failure. */
export class Countersign extends Context.Service<
  Countersign,
  {
    readonly catalogue: Catalogue
    /**
     * Stores a queued run, or answers with the active run of the same identity (`deduped`). Inside a transaction of the
     * host's (`sql.withTransaction`), the run is stored with it or not at all. If the host's own queue does not take it, the answer
     * is a run that has failed (`queue.dispatch_failed`).
     */
    readonly dispatch: <Payload>(
      request: DispatchRequest<Payload>
    ) => Effect.Effect<Dispatched, DispatchRefused | StoreUnavailable>
    /** The same by wire name and with the payload as JSON. */
    readonly dispatchUntyped: (
      request: UntypedDispatchRequest
    ) => Effect.Effect<Dispatched, DispatchRefused | StoreUnavailable>
    /**
     * Stores a queued run for each request, all of them or none, with one wake-up; answers in their order, each as `dispatch` would
     * have answered. Of several with one identity the first is stored, and answers for the others. Requests that are wrong are named
     * by their place (`DispatchAllRefused`). At most 100,000 requests; none is no mistake.
     */
    readonly dispatchAll: <Payloads extends ReadonlyArray<unknown>>(
      requests: DispatchRequests<Payloads>
    ) => Effect.Effect<ReadonlyArray<Dispatched>, DispatchAllRefused | StoreUnavailable>
    /** The same by wire name and with the payloads as JSON. */
    readonly dispatchAllUntyped: (
      requests: ReadonlyArray<UntypedDispatchRequest>
    ) => Effect.Effect<ReadonlyArray<Dispatched>, DispatchAllRefused | StoreUnavailable>
    /** The first step of a run, checked but not stored; for hosts that store it through a connection of their own. */
    readonly prepare: <Payload>(request: DispatchRequest<Payload>) => Effect.Effect<FirstStep, DispatchRefused>
    /** The same for many, refused together as by `dispatchAll`. */
    readonly prepareAll: <Payloads extends ReadonlyArray<unknown>>(
      requests: DispatchRequests<Payloads>
    ) => Effect.Effect<ReadonlyArray<FirstStep>, DispatchAllRefused>
    readonly find: (id: RunId) => Effect.Effect<Run, Unfound>
    readonly list: (filter: RunFilter) => Effect.Effect<RunPage, StoreUnavailable>
    /** The run with its decisions and audit records. */
    readonly inspect: (id: RunId) => Effect.Effect<InspectedRun, Unfound>
    /** Why the run would start or not: every failing check, and the smallest change of facts that would allow it. */
    readonly explain: (id: RunId) => Effect.Effect<ExplainedRun, Unfound | FactsUnavailable>
    /**
     * Does a completed run again: a new run, linked to the old one, on the given authority or, with null, on the old one's. An
     * active run refuses.
     */
    readonly retry: (
      id: RunId,
      authority: RequestedAuthority | null
    ) => Effect.Effect<Dispatched, Unfound | DispatchRefused | IllegalTransition>
    /** Ends a queued or running run; a completed one refuses. */
    readonly cancel: (id: RunId, by: Canceller) => Effect.Effect<Run, Unfound | CancelRefused | IllegalTransition>
    /**
     * Stores a schedule: the operation is dispatched at its slots, under system authority, which it must declare. Who makes it must
     * have access now, and is kept as provenance. An id that exists refuses.
     */
    readonly addSchedule: <Payload>(request: ScheduleRequest<Payload>) => Effect.Effect<Schedule, AddFailure>
    /** The same by wire name and with the payload as JSON. */
    readonly addScheduleUntyped: (request: UntypedScheduleRequest) => Effect.Effect<Schedule, AddFailure>
    readonly findSchedule: (
      id: ScheduleId
    ) => Effect.Effect<Schedule, ScheduleNotFound | ScheduleUnreadable | StoreUnavailable>
    readonly listSchedules: (filter: ScheduleFilter) => Effect.Effect<SchedulePage, StoreUnavailable>
    /** Stops its clock: slots from now on are not run, nor when it is resumed. */
    readonly pauseSchedule: (id: ScheduleId) => Effect.Effect<Schedule, ChangeFailure>
    readonly resumeSchedule: (id: ScheduleId) => Effect.Effect<Schedule, ChangeFailure>
    /** Has another person answer for it, who must have access now. */
    readonly transferSchedule: (
      id: ScheduleId,
      to: NamedPerson
    ) => Effect.Effect<Schedule, ChangeFailure | FactsUnavailable>
    /** Forgets it; its runs stay. */
    readonly removeSchedule: (id: ScheduleId) => Effect.Effect<void, ScheduleNotFound | StoreUnavailable>
    /**
     * Pauses a declared operation, a workspace, or a declared operation in one workspace: its runs wait, and are not blocked. What
     * is paused already stays as it is.
     */
    readonly pause: (request: PauseRequest) => Effect.Effect<Paused, PauseRefused | StoreUnavailable>
    /** Ends the pause of exactly this; null when there was none. */
    readonly resume: (request: ResumeRequest) => Effect.Effect<Pause | null, PauseRefused | StoreUnavailable>
    /** What is paused, the oldest pause first. */
    readonly pauses: Effect.Effect<ReadonlyArray<Pause>, StoreUnavailable>
  }
>()("@countersign/worker/Countersign") {
  /** The service over whatever ports are at hand. Throws at once when an option makes no sense. */
  static readonly layer = (options: CountersignOptions): Layer.Layer<Countersign, never, CountersignPorts> => {
    const problem = rangeProblem(options.payloadMaxBytes ?? PAYLOAD_MAX_BYTES, SIZE_RANGE)
    if (problem !== null) throw new RangeError(`payloadMaxBytes ${problem}`)
    return Layer.effect(Countersign, make(options)).pipe(Layer.provide(layerPooledRandom))
  }
}

/** The ports the gate is built on. */
export type CountersignPorts = RunStore | UnitOfWork | AuditLog | Facts | Pauses | Schedules

const digest: Digest = sha256Hex

const make = ({ catalogue, payloadMaxBytes, queue }: CountersignOptions) =>
  Effect.map(Effect.context<CountersignPorts | SecureRandom.SecureRandom>(), (ports) => {
    const terms = {
      catalogue,
      digest,
      ...(payloadMaxBytes === undefined ? {} : { payloadMaxBytes }),
      ...(queue === undefined ? {} : { queue })
    }
    return Countersign.of({
      catalogue,
      dispatch: (request) => Effect.provide(dispatchTyped(terms, request), ports),
      dispatchUntyped: (request) => Effect.provide(dispatchUntyped(terms, request), ports),
      dispatchAll: (requests) => Effect.provide(dispatchAllTyped(terms, requests), ports),
      dispatchAllUntyped: (requests) => Effect.provide(dispatchAllUntyped(terms, requests), ports),
      prepare: (request) => Effect.provide(prepareTyped(terms, request), ports),
      prepareAll: (requests) => Effect.provide(prepareAllTyped(terms, requests), ports),
      find: (id) =>
        Effect.provide(
          Effect.flatMap(RunStore, (store) => store.find(id)),
          ports
        ),
      list: (filter) =>
        Effect.provide(
          Effect.flatMap(RunStore, (store) => store.list(filter)),
          ports
        ),
      inspect: (id) => Effect.provide(inspectRun(id), ports),
      explain: (id) => Effect.provide(explainRun(id, catalogue), ports),
      retry: (id, authority) => Effect.provide(retryRun(terms, id, authority), ports),
      cancel: (id, by) => Effect.provide(cancelRun(id, by), ports),
      addSchedule: (request) => Effect.provide(addSchedule(terms, request), ports),
      addScheduleUntyped: (request) => Effect.provide(addUntyped(terms, request), ports),
      findSchedule: (id) =>
        Effect.provide(
          Effect.flatMap(Schedules, (schedules) => schedules.find(id)),
          ports
        ),
      listSchedules: (filter) =>
        Effect.provide(
          Effect.flatMap(Schedules, (schedules) => schedules.list(filter)),
          ports
        ),
      pauseSchedule: (id) => Effect.provide(pauseSchedule(id), ports),
      resumeSchedule: (id) => Effect.provide(resumeSchedule(id), ports),
      transferSchedule: (id, to) => Effect.provide(transferSchedule(catalogue, id, to), ports),
      removeSchedule: (id) => Effect.provide(removeSchedule(id), ports),
      pause: (request) => Effect.provide(pauseRuns(request, catalogue), ports),
      resume: (request) => Effect.provide(resumeRuns(request), ports),
      pauses: Effect.provide(
        Effect.flatMap(Pauses, (port) => port.list),
        ports
      )
    })
  })
