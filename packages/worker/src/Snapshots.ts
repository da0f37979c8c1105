/**
 * Snapshots of one moment for many subjects: facts are read once for each distinct question, and subjects that ask the same share
 * their snapshot.
 *
 * Contract section 4.
 */
import {
  type Catalogue,
  type Facts,
  type FactsUnavailable,
  initiatorOf,
  type Snapshot,
  type Subject
} from "@countersign/domain"
import { Array as Arrays, Effect } from "effect"
import { readFacts } from "./FactsReader.ts"

/** Facts asked for at once: some times what an admission asks for, which a source that answers in time for those will bear. */
const FACTS_AT_ONCE = 1_000
/** Readings at a time: while one is worked out by their source, another is taken in. */
const SIDE_BY_SIDE = 2

/** The snapshots that were asked for so far. */
export interface Snapshots {
  /** Each with the snapshot of its subject, in the order given. Reads the facts of what was not asked before. */
  readonly of: <About extends { readonly subject: Subject }>(
    about: ReadonlyArray<About>
  ) => Effect.Effect<ReadonlyArray<{ readonly about: About; readonly snapshot: Snapshot }>, FactsUnavailable, Facts>
}

/** None yet. */
export const makeSnapshots = (catalogue: Catalogue, takenAtMillis: number): Snapshots => {
  const known = new Map<string, Snapshot>()
  /** The same by the subjects that were met: where a store shares equal ones, most are known at a glance. */
  const met = new WeakMap<Subject, Snapshot>()

  const knownOf = (subject: Subject, key: string): Snapshot | undefined => {
    const snapshot = known.get(key)
    if (snapshot !== undefined) met.set(subject, snapshot)
    return snapshot
  }

  /** Neighbours have workspace and tenant in common: what they ask about them is looked up once. */
  const learn = Effect.fnUntraced(function* (subjects: ReadonlyMap<string, Subject>) {
    const questions = Array.from(subjects, ([key, subject]) => ({
      key,
      subject,
      requirements: catalogue.requirementsOf(subject.operationType)
    })).sort((one, other) => (one.key < other.key ? -1 : 1))
    const read = Effect.fnUntraced(function* (some: typeof questions) {
      const readings = yield* readFacts(some.map(({ subject, requirements }) => ({ subject, requirements })))
      for (const [index, { facts }] of readings.entries()) {
        const question = some[index]
        if (question === undefined) continue
        const { key, subject, requirements } = question
        known.set(key, { takenAtMillis, subject, requirements, facts })
      }
    })
    yield* Effect.forEach(Arrays.chunksOf(questions, FACTS_AT_ONCE), read, { concurrency: SIDE_BY_SIDE, discard: true })
  })

  return {
    of: Effect.fnUntraced(function* <About extends { readonly subject: Subject }>(about: ReadonlyArray<About>) {
      const unknown = new Map<string, Subject>()
      for (const { subject } of about) {
        if (met.has(subject)) continue
        const key = keyOf(subject)
        if (knownOf(subject, key) === undefined) unknown.set(key, subject)
      }
      yield* learn(unknown)
      return about.flatMap((one) => {
        const snapshot = met.get(one.subject) ?? knownOf(one.subject, keyOf(one.subject))
        return snapshot === undefined ? [] : [{ about: one, snapshot }]
      })
    })
  }
}

/** The same for subjects that ask the same of the same facts. Ids are not empty and hold no control characters: no two share a key. */
const keyOf = ({ operationType, authority, scope }: Subject): string =>
  `${scope.workspaceId}\n${scope.tenantId ?? ""}\n${initiatorOf(authority) ?? ""}\n${operationType}\n${scope.providerConnectionId ?? ""}`
