/** What a decision was made from, as it is stored: once for each content, to the letter, under the hash of it. */
import { createHash } from "node:crypto"
import { type DecisionRecord, FactSources, Snapshot } from "@countersign/domain"
import { Schema } from "effect"

/** A snapshot without its instant, which the decision has, and with the sources of its facts. */
export const SnapshotContent = Schema.Struct({
  subject: Snapshot.fields.subject,
  requirements: Snapshot.fields.requirements,
  facts: Snapshot.fields.facts,
  sources: FactSources
})

/** A snapshot as it is stored: its content, and the SHA-256 of it. */
export interface StoredSnapshot {
  readonly hash: Uint8Array
  /** JSON. */
  readonly content: string
}

/** The content of a decision's snapshot, and its SHA-256. Equal contents of one program have one hash. */
export const storedSnapshotOf = ({
  snapshot: { subject, requirements, facts },
  sources
}: DecisionRecord): StoredSnapshot => {
  const content = JSON.stringify({ subject, requirements, facts, sources })
  return { hash: createHash("sha256").update(content).digest(), content }
}
