/** `Pauses` in memory. */
import { type Paused, Pauses, scopeKeyOf } from "@countersign/domain"
import { Effect, HashMap, Layer, Option, Result } from "effect"
import { type Changed, MemoryState } from "./MemoryState.ts"
import { Tables } from "./Tables.ts"

/** What is paused, beside the runs. */
export const layerPauses: Layer.Layer<Pauses, never, MemoryState> = Layer.effect(
  Pauses,
  Effect.map(MemoryState, ({ look, change }) =>
    Pauses.of({
      pause: (pause) =>
        change((tables) => {
          const key = scopeKeyOf(pause.scope)
          const known = Option.getOrNull(HashMap.get(tables.pauses, key))
          const changed: Changed<Paused> =
            known === null
              ? [
                  { pause, wasPaused: false },
                  { ...tables, pauses: HashMap.set(tables.pauses, key, pause) }
                ]
              : [{ pause: known, wasPaused: true }, tables]
          return Result.succeed(changed)
        }),
      resume: (scope) =>
        change((tables) => {
          const key = scopeKeyOf(scope)
          const known = Option.getOrNull(HashMap.get(tables.pauses, key))
          if (known === null) return Result.succeed([null, tables])
          const pauses = HashMap.remove(tables.pauses, key)
          return Result.succeed([known, { ...tables, pauses, arrivals: tables.arrivals + 1 }])
        }),
      list: look((tables) => Tables.pausesOf(tables).toSorted((a, b) => a.sinceMillis - b.sinceMillis))
    })
  )
)
