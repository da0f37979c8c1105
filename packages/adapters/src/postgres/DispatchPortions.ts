/** The steps of one dispatch, in the portions that single statements store. */
import type { FirstStep, RunId } from "@countersign/domain"
import { objectsOf } from "./Cells.ts"
import { eventColumns, noticeColumns } from "./columns.ts"
import { outcomeKeyOf, outcomeText, runColumns } from "./FirstRows.ts"
import { textsOf } from "./TextCells.ts"

/** How many runs one statement stores at most. */
const PORTION = 1000
/** How many characters one parameter has at most, unless a single run has more. */
const PARAMETER_LENGTH = 16 * 1024 * 1024

/** A step, which of all that were given it is, and what it is found by. */
export interface Asked {
  readonly step: FirstStep
  readonly at: number
  readonly id: RunId
  readonly identity: string
}

/** Each step with its place among those given. */
export const askedOf = (steps: ReadonlyArray<FirstStep>): ReadonlyArray<Asked> =>
  steps.map((step, at) => ({ step, at, id: step.run.dispatch.id, identity: step.run.dispatch.identity }))

/** Of several with one id the first alone is stored, whatever else they say. */
export const firstsOf = (asked: ReadonlyArray<Asked>) => {
  const firsts = new Map<RunId, Asked>()
  const others: Array<Asked> = []
  for (const one of asked) {
    if (firsts.has(one.id)) others.push(one)
    else firsts.set(one.id, one)
  }
  return { firsts: [...firsts.values()], others }
}

/** What one statement stores: steps that came out alike, and its parameters. */
export interface Portion {
  readonly asked: ReadonlyArray<Asked>
  readonly parameters: ReadonlyArray<string>
}

/** One after the other: but for their order, nothing is done for a portion before it is asked for. */
export function* portionsOf(asked: ReadonlyArray<Asked>): Generator<Portion, undefined> {
  for (const some of slicesOf(asked.toSorted(byIdentity))) {
    for (const alike of groupsOf(some)) yield* inParameters(alike)
  }
  return undefined
}

/** In slices that one statement stores, or finds. */
export const slicesOf = (asked: ReadonlyArray<Asked>): ReadonlyArray<ReadonlyArray<Asked>> =>
  Array.from({ length: Math.ceil(asked.length / PORTION) }, (_, index) =>
    asked.slice(index * PORTION, (index + 1) * PORTION)
  )

/** Of one identity the first given comes first; everybody takes identities in one order, so that nobody waits crosswise. */
const byIdentity = (one: Asked, other: Asked): number => {
  if (one.identity === other.identity) return one.at - other.at
  return one.identity < other.identity ? -1 : 1
}

const groupsOf = (asked: ReadonlyArray<Asked>): Iterable<ReadonlyArray<Asked>> => {
  const groups = new Map<string, Array<Asked>>()
  for (const one of asked) {
    const key = outcomeKeyOf(one.step)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups.values()
}

/** In halves, and those in halves, as long as a parameter is too long. */
function* inParameters(asked: ReadonlyArray<Asked>): Generator<Portion, undefined> {
  const parameters = parametersOf(asked.map(({ step }) => step))
  if (asked.length > 1 && parameters.some(({ length }) => length > PARAMETER_LENGTH)) {
    const half = asked.length >> 1
    yield* inParameters(asked.slice(0, half))
    yield* inParameters(asked.slice(half))
  } else yield { asked, parameters }
  return undefined
}

const parametersOf = (steps: ReadonlyArray<FirstStep>): ReadonlyArray<string> => {
  const runs = steps.map(({ run }) => run)
  const notices = steps.flatMap(({ notice }) => notice ?? [])
  const events = steps.flatMap((step) => step.events)
  return [
    ...textsOf(runColumns, runs),
    ...steps.slice(0, 1).map(outcomeText),
    JSON.stringify(objectsOf(noticeColumns, notices)),
    JSON.stringify(objectsOf(eventColumns, events))
  ]
}
