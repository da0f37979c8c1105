/**
 * A host's app: what it declares and how it is done, in one module that the command line loads (`countersign work --app FILE`).
 *
 * Contract sections 2 and 7.
 */
import { type AddressBook, NoAddressKnown } from "@countersign/adapters"
import {
  type AnyOperation,
  Catalogue,
  type Facts,
  type NoticeChannel,
  type OperationType,
  type UserId
} from "@countersign/domain"
import { Context, Effect, Layer, Predicate } from "effect"
import { type Handler, handlersByType } from "./Handler.ts"
import { messageOf } from "./messageOf.ts"
import { Worker, type WorkerPorts } from "./Worker.ts"
import type { WorkerOptions } from "./WorkerOptions.ts"

const BRAND = "~countersign/App"

/** How the worker of an app works; the app itself brings catalogue and handlers. */
export type AppWorkerOptions = Omit<WorkerOptions, "catalogue" | "handlers">

/** A host's app. Make it with {@link defineApp}. */
export interface App {
  readonly [BRAND]: true
  readonly catalogue: Catalogue
  /** The operations this app can carry out, not only dispatch. */
  readonly handled: ReadonlyArray<OperationType>
  /** The app's own source of facts; null leaves it to the database's reference tables. */
  readonly facts: Layer.Layer<Facts, unknown> | null
  /** Answers with a person's e-mail address; null when the app did not say. */
  readonly addressOf: AddressBook | null
  /** Whether notices go to a channel of the app's own. */
  readonly hasChannel: boolean
  /**
   * A worker of this app, with what its handlers need. Notices go to the app's own channel, or to the given one when it has none.
   * Fails with whatever the app's layers fail with.
   */
  readonly layerWorker: (
    options: AppWorkerOptions,
    notices: Layer.Layer<NoticeChannel>
  ) => Layer.Layer<Worker, unknown, Exclude<WorkerPorts, NoticeChannel>>
}

interface Definition<R> {
  /** Everything the host dispatches; an operation without a handler here is left to other workers. */
  readonly operations: ReadonlyArray<AnyOperation>
  /** Made by `Handler.make` or `PromiseHandler.fromPromise`. */
  readonly handlers: ReadonlyArray<Handler<R>>
  /** Where notices go; `countersign work` keeps them in the table `inbox` when left out. */
  readonly notices?: Layer.Layer<NoticeChannel, unknown>
  /** A person's e-mail address, or null for somebody who gets none; for `countersign work` with the channel `email`. */
  readonly addressOf?: (recipient: UserId) => Promise<string | null>
  /** Where authority facts come from, such as a `HostFacts` layer; the reference tables of the database when left out. */
  readonly facts?: Layer.Layer<Facts, unknown>
}

/** What {@link defineApp} takes when the handlers need something: a layer that provides it is asked for by the compiler. */
export interface AppDefinition<R> extends Definition<R> {
  readonly layer: Layer.Layer<NoInfer<R>, unknown>
}

/**
 * Defines an app, as the default export of a module or as a named one.
 *
 * Throws when two operations share a type, two handlers share an operation, or a handler is for an operation that is not
 * declared: an app is written by the host's programmers, and checked once, when it is loaded.
 */
export function defineApp(definition: Definition<never>): App
export function defineApp<R>(definition: AppDefinition<R>): App
export function defineApp<R>(definition: Definition<never> | AppDefinition<R>): App {
  return "layer" in definition ? appOf(definition, definition.layer) : appOf(definition, Layer.empty)
}

const addressBook =
  (addressOf: (recipient: UserId) => Promise<string | null>): AddressBook =>
  (recipient) =>
    Effect.tryPromise({
      try: () => addressOf(recipient),
      catch: (error) => new NoAddressKnown({ problem: messageOf(error) })
    })

const appOf = <R>(definition: Definition<R>, needs: Layer.Layer<R, unknown>): App => {
  const { operations, handlers, notices, addressOf, facts } = definition
  const catalogue = Catalogue.make(operations)
  const handled = [...handlersByType(handlers, catalogue).keys()]
  return {
    [BRAND]: true,
    catalogue,
    handled,
    facts: facts ?? null,
    addressOf: addressOf === undefined ? null : addressBook(addressOf),
    hasChannel: notices !== undefined,
    layerWorker: (options, otherwise) => {
      const worker = Layer.unwrap(
        Effect.map(closedOver(handlers, needs), (closed) => Worker.layer({ ...options, catalogue, handlers: closed }))
      ).pipe(Layer.provide(notices ?? otherwise))
      return facts === undefined ? worker : Layer.provide(worker, facts)
    }
  }
}

/** The handlers with what they need at hand, for as long as the scope lasts. */
const closedOver = <R>(handlers: ReadonlyArray<Handler<R>>, needs: Layer.Layer<R, unknown>) =>
  Effect.map(Layer.build(needs), (context) =>
    handlers.map(
      ({ operation, handle }): Handler => ({
        operation,
        handle: (payload, handlerContext) =>
          Effect.updateContext(handle(payload, handlerContext), (outer: Context.Context<never>) =>
            Context.merge(outer, context)
          )
      })
    )
  )

/** Whether this value was made by {@link defineApp}, be it of another copy of this package. */
export const isApp = (value: unknown): value is App => Predicate.hasProperty(value, BRAND) && value[BRAND] === true
