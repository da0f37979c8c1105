/** Port: what is paused. */
import { Context, type Effect } from "effect"
import type { Pause, PauseScope } from "../Pause.ts"
import type { StoreUnavailable } from "./StoreError.ts"

/** Who does it, and when. */
export interface PauseAct {
  readonly by: string
  readonly atMillis: number
}

/** The answer to a pause: the one now in force, and whether it was before. */
export interface Paused {
  readonly pause: Pause
  readonly wasPaused: boolean
}

/** What is paused. A claim that begins after a pause is committed takes none of its runs; one under way may. */
export class Pauses extends Context.Service<
  Pauses,
  {
    /** Pauses. What is paused already stays as it is, with who did it first and why. */
    readonly pause: (pause: Pause) => Effect.Effect<Paused, StoreUnavailable>
    /** Ends the pause of exactly this scope and wakes workers; answers with what ended, or null when there was none. */
    readonly resume: (scope: PauseScope, act: PauseAct) => Effect.Effect<Pause | null, StoreUnavailable>
    /** Every pause in force, the oldest first. */
    readonly list: Effect.Effect<ReadonlyArray<Pause>, StoreUnavailable>
  }
>()("@countersign/domain/Pauses") {}
