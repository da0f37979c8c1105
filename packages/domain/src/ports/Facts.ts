/** Port: the facts of this moment. A host answers it from the reference tables, from its own tables, or from anywhere. */
import { Context, type Effect, Schema } from "effect"
import type { FactSources } from "../DecisionRecord.ts"
import type { Requirements } from "../Operation.ts"
import type { AuthorityFacts, Subject } from "../Snapshot.ts"

/** Whose facts are asked for. `requirements` say which capability and prerequisites matter; null when undeclared. */
export interface FactsRequest {
  readonly subject: Subject
  readonly requirements: Requirements | null
}

/** The facts of one request, and where each came from. */
export interface FactsReading {
  readonly facts: AuthorityFacts
  /** Whether the fence keeps these facts from changing meanwhile; false for facts from outside its reach. */
  readonly fenced: boolean
  readonly sources: FactSources
}

/** Facts could not be read in time or are too old. No decision is made of it: the runs stay queued. */
export class FactsUnavailable extends Schema.TaggedError<FactsUnavailable>()("FactsUnavailable", {
  source: Schema.String,
  advice: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `facts from ${this.source} could not be read: ${this.advice}`
  }
}

/** The source of facts; it knows nothing of decisions. */
export class Facts extends Context.Service<
  Facts,
  {
    /**
     * One reading per request, in order, all of one moment. What is not found is null, never an error; facts that are older
     * than their source allows are an error, never an answer. Inside a unit of work it sees what that has fenced. Of
     * capabilities and prerequisites only those asked about are told; `sources` names the source of each known fact.
     */
    readonly read: (
      requests: ReadonlyArray<FactsRequest>
    ) => Effect.Effect<ReadonlyArray<FactsReading>, FactsUnavailable>
  }
>()("@countersign/domain/Facts") {}
