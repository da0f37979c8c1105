/**
 * The gate for hosts that do not use Effect: everything as promises. What is refused or unavailable rejects with the same typed
 * errors; a denial is a result, as everywhere.
 *
 * Contract sections 2 to 6.
 */
import {
  DEFAULT_SCHEMA,
  EmbeddedPostgres,
  layerPostgres,
  layerPostgresClient,
  layerPostgresInbox,
  migrate,
  type Query,
  SchemaName
} from "@countersign/adapters"
import {
  type AnyOperation,
  type Canceller,
  Catalogue,
  DeliveryFailed,
  type Dispatched,
  type Notice,
  NoticeChannel,
  type Pause,
  type Paused,
  type Run,
  type RunFilter,
  type RunId,
  type RunPage,
  type Schedule,
  type ScheduleFilter,
  type ScheduleId,
  type SchedulePage,
  type StoreUnavailable
} from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Layer, ManagedRuntime, Schema, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { Countersign } from "./Countersign.ts"
import type { Delivered } from "./Delivery.ts"
import type { DispatchRequests } from "./DispatchAll.ts"
import type { DispatchRequest, RequestedAuthority } from "./DispatchRequest.ts"
import { only } from "./Enqueueing.ts"
import type { Handler } from "./Handler.ts"
import { dispatchIn, type HostQueue, queueOnOurClient } from "./HostQueue.ts"
import type { ExplainedRun, InspectedRun } from "./Inspection.ts"
import { messageOf } from "./messageOf.ts"
import type { PauseRequest, ResumeRequest } from "./Pausing.ts"
import type { NamedPerson, ScheduleRequest } from "./ScheduleRequest.ts"
import { Worker } from "./Worker.ts"
import type { WorkerLimits } from "./WorkerOptions.ts"

/** Where the data are, what can be done, and who does it. */
export interface OpenOptions {
  /** A PostgreSQL server by its address, or an embedded one, kept in a folder or in memory. */
  readonly database: { readonly url: string; readonly maxConnections?: number } | { readonly dataFolder?: string }
  /** The schema of our tables; `countersign` unless given. */
  readonly schema?: string
  /** The schema facts are read from, if the host brings views of its own. */
  readonly factsSchema?: string
  /** Whether to bring the schema up to date first. An embedded database is always brought up to date. */
  readonly migrate?: boolean
  readonly operations: ReadonlyArray<AnyOperation>
  /** Made by `PromiseHandler.fromPromise` or `Handler.make`; needed only where work is done. */
  readonly handlers?: ReadonlyArray<Handler>
  /** Tells initiators; a rejection is a delivery to be made again. Notices go to the table `inbox` when left out. */
  readonly notify?: (notice: Notice) => Promise<void>
  /** A queue of the host's own, if runs are to be delivered by it; without one the run table is the queue. */
  readonly queue?: HostQueue
  /** The largest payload taken, in bytes of JSON; 64 KiB unless given, 64 MiB at most. */
  readonly payloadMaxBytes?: number
}

/** How a worker works: its limits, and whether it looks for runs or waits for what is delivered. */
export interface WorkOptions extends Partial<WorkerLimits> {
  /** False: only on what is delivered (`deliver`). */
  readonly claims?: boolean
}

/** A worker in this process. */
export interface RunningWorker {
  /** Resolves when no run of these operations is queued or running, here or elsewhere. */
  readonly drained: () => Promise<void>
  /**
   * Works on runs that the host's queue delivered, and resolves, when that is over, with where each stands then. Rejects when the
   * store is away: deliver them again.
   */
  readonly deliver: (ids: ReadonlyArray<string>) => Promise<ReadonlyArray<Delivered>>
  /** Stops gracefully: running work may finish for a while, the rest is given back. */
  readonly stop: () => Promise<void>
}

/** The gate as promises. Rejections are the typed errors of the gate; a denial is no rejection. */
export interface OpenCountersign {
  /**
   * Stores a queued run. With `transaction`, a function that runs SQL in a transaction of the host's, the run is stored with
   * what else happens there, or not at all. If the host's queue does not take it, the answer is a run that has failed
   * (`queue.dispatch_failed`).
   */
  readonly dispatch: <Payload>(
    request: DispatchRequest<Payload>,
    options?: { readonly transaction?: Query }
  ) => Promise<Dispatched>
  /**
   * Stores a queued run for each request, all of them or none, and answers in their order. Rejects with `DispatchAllRefused`, which
   * names the requests that are wrong by their place. With `transaction` they are stored with what else happens there; when one
   * cannot be, none is.
   */
  readonly dispatchAll: <Payloads extends ReadonlyArray<unknown>>(
    requests: DispatchRequests<Payloads>,
    options?: { readonly transaction?: Query }
  ) => Promise<ReadonlyArray<Dispatched>>
  readonly find: (id: RunId) => Promise<Run>
  readonly list: (filter: RunFilter) => Promise<RunPage>
  readonly inspect: (id: RunId) => Promise<InspectedRun>
  readonly explain: (id: RunId) => Promise<ExplainedRun>
  /** Ends a queued or running run; a completed one refuses. */
  readonly cancel: (id: RunId, by: Canceller) => Promise<Run>
  /** Does a completed run again, on the given authority or, with null, on the old one's; an active one refuses. */
  readonly retry: (id: RunId, authority: RequestedAuthority | null) => Promise<Dispatched>
  /** Pauses a declared operation, a workspace, or an operation in one workspace; what is paused already stays as it is. */
  readonly pause: (request: PauseRequest) => Promise<Paused>
  /** Ends the pause of exactly this; null when there was none. */
  readonly resume: (request: ResumeRequest) => Promise<Pause | null>
  /** What is paused, the oldest pause first. */
  readonly pauses: () => Promise<ReadonlyArray<Pause>>
  /** Stores a schedule; who makes it must have access now. An id that exists rejects, and what is stored stays. */
  readonly addSchedule: <Payload>(request: ScheduleRequest<Payload>) => Promise<Schedule>
  readonly findSchedule: (id: ScheduleId) => Promise<Schedule>
  readonly listSchedules: (filter: ScheduleFilter) => Promise<SchedulePage>
  /** Stops its clock: slots from now on are not run, nor when it is resumed. */
  readonly pauseSchedule: (id: ScheduleId) => Promise<Schedule>
  readonly resumeSchedule: (id: ScheduleId) => Promise<Schedule>
  /** Has another person answer for it, who must have access now. */
  readonly transferSchedule: (id: ScheduleId, to: NamedPerson) => Promise<Schedule>
  /** Forgets it; its runs stay. */
  readonly removeSchedule: (id: ScheduleId) => Promise<void>
  /** Runs a statement on our own connection; how facts are kept in an embedded database, which no other program reaches. */
  readonly query: (text: string, values?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<object>>
  /** Starts a worker with the handlers given above. */
  readonly work: (options?: WorkOptions) => Promise<RunningWorker>
  /** Stops what was started here and closes the connections. */
  readonly close: () => Promise<void>
}

const isSchemaName = Schema.is(SchemaName)

const schemaNamed = (name: string): SchemaName => {
  if (isSchemaName(name)) return name
  throw new RangeError("a schema's name has at most 40 letters, digits and underscores and does not begin with a digit")
}

/**
 * Opens the gate. Rejects with `StoreUnavailable` or `EmbeddedPostgresUnavailable`, which say what to do, or with a `RangeError`
 * when an option makes no sense.
 */
export const openCountersign = async (options: OpenOptions): Promise<OpenCountersign> => {
  const catalogue = Catalogue.make(options.operations)
  const schema = options.schema === undefined ? DEFAULT_SCHEMA : schemaNamed(options.schema)
  const runtime = ManagedRuntime.make(layerGate(options, catalogue, schema))
  /** How to stop each worker that has not stopped yet. */
  const stops = new Set<() => Promise<void>>()
  const run = runtime.runPromise
  const gate = await run(Countersign)

  /** Closes it once; whoever asks while it is being closed waits for the same end. */
  const closingOnce = (scope: Scope.Closeable) => {
    let closing: Promise<void> | null = null
    const stop = () => {
      closing ??= run(Scope.close(scope, Exit.void)).finally(() => stops.delete(stop))
      return closing
    }
    return stop
  }

  return {
    dispatch: (request, { transaction } = {}) =>
      // Whatever a caller without types hands over, a promise answers.
      run(
        Effect.suspend(() =>
          transaction === undefined
            ? gate.dispatch(request)
            : Effect.flatMap(gate.prepare(request), (first) =>
                Effect.flatMap(dispatchIn(transaction, schema, options.queue)([first]), only)
              )
        )
      ),
    dispatchAll: (requests, { transaction } = {}) =>
      run(
        Effect.suspend(() =>
          transaction === undefined
            ? gate.dispatchAll(requests)
            : Effect.flatMap(gate.prepareAll(requests), dispatchIn(transaction, schema, options.queue))
        )
      ),
    find: (id) => run(gate.find(id)),
    list: (filter) => run(gate.list(filter)),
    inspect: (id) => run(gate.inspect(id)),
    explain: (id) => run(gate.explain(id)),
    cancel: (id, by) => run(gate.cancel(id, by)),
    retry: (id, authority) => run(gate.retry(id, authority)),
    pause: (request) => run(Effect.suspend(() => gate.pause(request))),
    resume: (request) => run(Effect.suspend(() => gate.resume(request))),
    pauses: () => run(gate.pauses),
    addSchedule: (request) => run(Effect.suspend(() => gate.addSchedule(request))),
    findSchedule: (id) => run(gate.findSchedule(id)),
    listSchedules: (filter) => run(gate.listSchedules(filter)),
    pauseSchedule: (id) => run(gate.pauseSchedule(id)),
    resumeSchedule: (id) => run(gate.resumeSchedule(id)),
    transferSchedule: (id, to) => run(gate.transferSchedule(id, to)),
    removeSchedule: (id) => run(gate.removeSchedule(id)),
    query: (text, values = []) => run(Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe<object>(text, values))),
    work: async (given = {}) => {
      const scope = await run(Scope.make())
      const queue = options.queue === undefined ? {} : { queue: await run(queueOnOurClient(options.queue)) }
      const layer = Worker.layer({ ...given, ...queue, catalogue, handlers: options.handlers ?? [] })
      const stop = closingOnce(scope)
      stops.add(stop)
      const context = await run(Layer.buildWithScope(layer, scope))
      return {
        drained: () => run(Effect.flatMap(Worker, (worker) => worker.drained).pipe(Effect.provide(context))),
        deliver: (ids) => run(Effect.flatMap(Worker, (worker) => worker.deliver(ids)).pipe(Effect.provide(context))),
        stop
      }
    },
    close: async () => {
      await Promise.all(Array.from(stops, (stop) => stop()))
      await runtime.dispose()
    }
  }
}

type LayerClient = Layer.Layer<
  PgClient.PgClient | SqlClient.SqlClient,
  StoreUnavailable | EmbeddedPostgres.EmbeddedPostgresUnavailable
>

const layerGate = (options: OpenOptions, catalogue: Catalogue, schema: SchemaName) => {
  const { database, factsSchema } = options
  const onServer = "url" in database
  const client: LayerClient = onServer ? layerPostgresClient(database) : EmbeddedPostgres.layer(database)
  const upToDate = options.migrate === true || !onServer ? Layer.effectDiscard(migrate(schema)) : Layer.empty
  const ports = layerPostgres({
    schema,
    ...(factsSchema === undefined ? {} : { factsSchema: schemaNamed(factsSchema) })
  })
  const notices = options.notify === undefined ? layerPostgresInbox(schema) : layerNotify(options.notify)
  const { payloadMaxBytes, queue } = options
  const told = { catalogue, ...(payloadMaxBytes === undefined ? {} : { payloadMaxBytes }) }
  const gate =
    queue === undefined
      ? Countersign.layer(told)
      : Layer.unwrap(Effect.map(queueOnOurClient(queue), (outside) => Countersign.layer({ ...told, queue: outside })))
  return gate.pipe(
    Layer.provideMerge(Layer.mergeAll(ports, notices)),
    Layer.provide(upToDate),
    Layer.provideMerge(client)
  )
}

const layerNotify = (notify: (notice: Notice) => Promise<void>) =>
  Layer.succeed(NoticeChannel, {
    deliver: (notice) =>
      Effect.tryPromise({
        try: () => notify(notice),
        catch: (cause) => new DeliveryFailed({ channel: "host", problem: messageOf(cause) })
      })
  })
