/**
 * What a decision was made from, as it is stored, to the letter, each part under the hash of it. What all runs of an operation share is
 * stored once for each content; what the decision was about stands beside the decision.
 */
import { hash } from "node:crypto"
import {
  type DecisionRecord,
  FactSources,
  type Requirements,
  Snapshot,
  type FactSources as Sources
} from "@countersign/domain"
import { Schema } from "effect"
import { type CompactFacts, compactOf } from "./CompactFacts.ts"

/** What runs of an operation share. */
export const SnapshotTerms = Schema.Struct({
  requirements: Snapshot.fields.requirements,
  sources: FactSources
})

/** A snapshot as it was stored before the two parts were parted: without its instant, which the decision has. */
export const SnapshotContent = Schema.Struct({
  ...SnapshotTerms.fields,
  subject: Snapshot.fields.subject,
  facts: Snapshot.fields.facts
})

/** A text as it is stored, and the SHA-256 of it. */
export interface Stored {
  readonly hash: Uint8Array
  /** JSON. */
  readonly content: string
}

const sha256Of = (content: string): Uint8Array => hash("sha256", content, "buffer")

const storedOf = (value: unknown): Stored => {
  const content = JSON.stringify(value)
  return { hash: sha256Of(content), content }
}

/** Whether the content is the one that was hashed. */
export const isGenuine = (content: string, hash: Uint8Array): boolean => Buffer.compare(hash, sha256Of(content)) === 0

/** The terms of one catalogue and one source of facts are the same objects for as long as a program runs. */
const known = new WeakMap<Requirements, { readonly sources: Sources; readonly terms: Stored }>()

const termsOf = ({ snapshot: { requirements }, sources }: DecisionRecord): Stored => {
  const before = requirements === null ? undefined : known.get(requirements)
  if (before?.sources === sources) return before.terms
  const terms = storedOf({ requirements, sources })
  if (requirements !== null) known.set(requirements, { sources, terms })
  return terms
}

/** A snapshot in its two parts. */
export interface StoredSnapshot {
  readonly terms: Stored
  /** JSON. The server puts the hash of it beside it: the terms need theirs to be found by, nobody looks for these. */
  readonly facts: string
}

/** The parts of a decision's snapshot. Equal contents of one program have equal hashes. */
export const storedSnapshotOf = (record: DecisionRecord): StoredSnapshot => {
  const facts: CompactFacts = compactOf(record.snapshot)
  return { terms: termsOf(record), facts: JSON.stringify(facts) }
}
