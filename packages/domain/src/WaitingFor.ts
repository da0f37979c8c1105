/**
 * What a queued run waits for, for people and machines. Limits are not told: whether one is reached is known only while runs are
 * being admitted, and to workers that know the operation.
 *
 * Contract section 9.
 */
import { isPausedBy, type Pause } from "./Pause.ts"
import { type Badge, headlineOf, nextStepsFor, outcomeBadgeOf, statusBadgeOf, type Tone } from "./Presentation.ts"
import { type Held, isCompleted, type Queued, type Run } from "./Run.ts"
import { toneOf } from "./RunInWords.ts"

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

/** The same of any run: null of one that does not wait. */
export const waitingOf = (run: Run, pauses: ReadonlyArray<Pause>, nowMillis: number): WaitingFor | null =>
  run._tag === "Queued" ? waitingFor(run, pauses, nowMillis) : null

const WAITING_FOR = { Resume: "resume", Facts: "facts", Time: "time", Turn: "turn" } as const

/** The wire value. */
export const waitingForOnTheWire = ({ _tag }: WaitingFor): (typeof WAITING_FOR)[WaitingFor["_tag"]] => WAITING_FOR[_tag]

/** How a run stands, in one line with its tone; of a paused one it says why. */
export const standingOf = (run: Run, waiting: WaitingFor | null): readonly [headline: string, tone: Tone] =>
  waiting?._tag === "Resume"
    ? [`${PAUSED.label} — ${waiting.pause.reason}`, PAUSED.tone]
    : [headlineOf(run), toneOf(run)]

const PAUSED: Badge = { label: "Paused", tone: "warning" }

/** The badge of how a run stands: its outcome when it is over, before that its status, or that it is paused. */
export const standingBadgeOf = (run: Run, waiting: WaitingFor | null): Badge => {
  if (waiting?._tag === "Resume") return PAUSED
  return isCompleted(run) ? outcomeBadgeOf(run) : statusBadgeOf(run)
}

/** What is to be done, the leading step first; a paused run is helped by a resume alone. */
export const stepsOf = (run: Run, waiting: WaitingFor | null): ReadonlyArray<string> =>
  waiting?._tag === "Resume"
    ? ["Resume it when the reason is gone; the run goes on by itself then."]
    : nextStepsFor(run)
