/** The arrival of work, as `LISTEN` tells it. */
import type { StoreUnavailable } from "@countersign/domain"
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schedule, Stream } from "effect"
import type { Names } from "./SchemaName.ts"
import { storeUnavailable } from "./troubles.ts"

/** How long to wait before listening again after the connection was lost; doubled each time, up to the second value. */
const AGAIN_AFTER = "100 millis"
const AGAIN_AT_MOST = "10 seconds"

/**
 * One element for each notification, and one whenever listening begins: what arrived before or between was not heard. The
 * connection is opened again for as long as it takes; polling goes on beside it, so nothing is lost meanwhile.
 *
 * **Gotchas**
 *
 * Listening takes one connection of the pool for itself, except on the embedded database.
 */
export const makeWakes = (client: PgClient.PgClient, { channel }: Names): Stream.Stream<void, StoreUnavailable> =>
  Stream.unwrap(
    Effect.map(client.listen(channel), (heard) =>
      Stream.concat(
        Stream.make(undefined),
        Stream.map(Stream.fromQueue(heard), () => undefined)
      )
    )
  ).pipe(
    Stream.retry(Schedule.min([Schedule.exponential(AGAIN_AFTER), Schedule.spaced(AGAIN_AT_MOST)])),
    Stream.mapError((error) => storeUnavailable("listen for work", error))
  )
