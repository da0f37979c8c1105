/** One database, and as many programs on it as a test wants: each has connections of its own. */
import { layerPostgres, layerPostgresClient, migrate } from "@countersign/adapters"
import type { AuthorityBook } from "@countersign/adapters/testing"
import { type Catalogue, type Notice, NoticeChannel, type StoreUnavailable } from "@countersign/domain"
import { Countersign, sampleCatalogue, Worker, type WorkerOptions } from "@countersign/worker"
import { Clock, Context, Effect, Exit, Layer, Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { layerPostgresAuthorityBook } from "../../adapters/postgres/PostgresAuthorityBook.ts"
import type { Clients, Ports } from "../../adapters/postgres/support.ts"

export type Program = Ports | AuthorityBook | Clients | Countersign | SecureRandom.SecureRandom

/** Every port and the book of facts, through connections of its own; the database must have been migrated. */
export const layerProgram = (
  url: string,
  maxConnections = 8,
  catalogue: Catalogue = sampleCatalogue
): Layer.Layer<Program, StoreUnavailable> =>
  Layer.mergeAll(Countersign.layer({ catalogue }), SecureRandom.layerWebCrypto).pipe(
    Layer.provideMerge(Layer.merge(layerPostgres(), layerPostgresAuthorityBook())),
    Layer.provideMerge(layerPostgresClient({ url, maxConnections }).pipe(Layer.provide(layerMachineTime)))
  )

/** The server is as fast as it is, whatever time it is in the test: what waits for it waits by the machine's clock. */
const layerMachineTime = Layer.sync(Clock.Clock, () => Clock.Clock.defaultValue())

/** Brings an empty database to our tables. */
export const migrated = (url: string) =>
  Effect.asVoid(Effect.provide(migrate(), layerPostgresClient({ url, maxConnections: 1 })))

/** Keeps what it was given to deliver. */
export const layerDelivering = (delivered: Array<Notice>) =>
  Layer.succeed(NoticeChannel, {
    deliver: (notice: Notice) =>
      Effect.sync(() => {
        delivered.push(notice)
      })
  })

/** A worker that is a program of its own. `between` may put something between the worker and its ports. */
export const startProgram = Effect.fnUntraced(function* <R>(
  url: string,
  delivered: Array<Notice>,
  options: Omit<WorkerOptions<R>, "catalogue"> & { readonly catalogue?: Catalogue },
  between: Layer.Layer<Ports, never, Ports> = Layer.effectContext(Effect.context<Ports>())
) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => Scope.close(scope, exit))
  const layer = Worker.layer({ catalogue: sampleCatalogue, pollMillis: 50, ...options }).pipe(
    Layer.provide(between),
    Layer.provide(layerDelivering(delivered)),
    Layer.provide(Layer.fresh(layerProgram(url)))
  )
  const context = yield* Layer.buildWithScope(layer, scope)
  return { worker: Context.get(context, Worker), stop: Scope.close(scope, Exit.void) }
})
