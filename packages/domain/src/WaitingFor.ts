/**
 * What a queued run waits for, for people and machines. Limits are not told: whether one is reached is known only while runs are
 * being admitted, and to workers that know the operation.
 *
 * Contract section 9.
 */
import { isPausedBy, type Pause } from "./Pause.ts"
import { headlineOf, nextStepsFor } from "./Presentation.ts"
import type { Held, Queued } from "./Run.ts"

/** What a queued run waits for. */
export type WaitingFor =
  /** A resume; of several pauses the one that began first. */
  | { readonly _tag: "Resume"; readonly pause: Pause }
  /** Facts that allow it: it is held. */
  | { readonly _tag: "Facts"; readonly held: Held }
  /** The time from which it may be taken, or taken again. */
  | { readonly _tag: "Time"; readonly atMillis: number }
  /** Nothing but its turn. */
  | { readonly _tag: "Turn" }

/** What this run waits for at this moment. A pause comes first: while it lasts, nothing else helps. */
export const waitingFor = (run: Queued, pauses: ReadonlyArray<Pause>, nowMillis: number): WaitingFor => {
  const [pause] = pauses
    .filter(({ scope }) => isPausedBy(run.dispatch.subject, scope))
    .sort((a, b) => a.sinceMillis - b.sinceMillis)
  if (pause !== undefined) return { _tag: "Resume", pause }
  if (run.held !== null) return { _tag: "Facts", held: run.held }
  return run.availableAtMillis > nowMillis ? { _tag: "Time", atMillis: run.availableAtMillis } : { _tag: "Turn" }
}

const WAITING_FOR = { Resume: "resume", Facts: "facts", Time: "time", Turn: "turn" } as const

/** The wire value. */
export const waitingForOnTheWire = ({ _tag }: WaitingFor): (typeof WAITING_FOR)[WaitingFor["_tag"]] => WAITING_FOR[_tag]

/** How it stands, in one line; like `headlineOf`, and says of a paused run why. */
export const headlineWhileWaiting = (run: Queued, waiting: WaitingFor): string =>
  waiting._tag === "Resume" ? `Paused — ${waiting.pause.reason}` : headlineOf(run)

/** What is to be done so that the run goes on; like `nextStepsFor`, but a paused run is helped by a resume alone. */
export const nextStepsWhileWaiting = (run: Queued, waiting: WaitingFor): ReadonlyArray<string> =>
  waiting._tag === "Resume" ? ["Resume it when the reason is gone; the run goes on by itself then."] : nextStepsFor(run)
