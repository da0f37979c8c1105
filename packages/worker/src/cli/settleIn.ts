/** What a program that stays asks of the engine, once it has loaded. */
import { flushCompileCache } from "node:module"
import { setFlagsFromString } from "node:v8"
import { Effect } from "effect"

/**
 * Keeps the compiled modules for the next start, and the memory for young objects as small as it was after loading.
 *
 * What a worker makes dies with its batch: V8 would let the room for it grow to 64 MiB, for nothing.
 *
 * **Gotchas**
 *
 * The modules come first: code that is kept after a flag has changed is refused by a program that starts without it.
 */
export const settleIn: Effect.Effect<void> = Effect.sync(() => {
  flushCompileCache()
  setFlagsFromString("--semi-space-growth-factor=1")
})
