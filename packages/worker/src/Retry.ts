/**
 * Doing a completed run again: a new run, linked to the old one, with the same operation, target and payload. It is decided like any
 * other; nothing of the old decision counts.
 *
 * Contract sections 3 and 8.
 */
import {
  type Dispatched,
  IllegalTransition,
  isCompleted,
  type Run,
  type RunId,
  type RunNotFound,
  RunStore,
  type RunUnreadable,
  type StoreUnavailable
} from "@countersign/domain"
import { Effect } from "effect"
import type { DispatchTerms } from "./DispatchChecks.ts"
import { type DispatchPorts, dispatchUntyped } from "./Dispatcher.ts"
import type { DispatchRefused, RequestedAuthority } from "./DispatchRequest.ts"

type Troubles = DispatchRefused | IllegalTransition | RunNotFound | RunUnreadable | StoreUnavailable

/**
 * Dispatches a completed run again, on the authority of the given person; on that of the old run's initiator, or the system's,
 * when nobody is given. An active run refuses with an IllegalTransition, unharmed.
 */
export const retryRun = (
  terms: DispatchTerms,
  id: RunId,
  authority: RequestedAuthority | null
): Effect.Effect<Dispatched, Troubles, DispatchPorts> =>
  Effect.gen(function* () {
    const store = yield* RunStore
    const run = yield* store.find(id)
    if (!isCompleted(run)) {
      return yield* new IllegalTransition({ runId: id, from: run._tag, event: "Retry", reason: "not_in_table" })
    }
    const { payload, priority, subject } = run.dispatch
    return yield* dispatchUntyped(terms, {
      ...(authority ?? authorityOf(run.dispatch)),
      ...subject.scope,
      operationType: subject.operationType,
      payload,
      priority,
      retryOf: id
    })
  })

const authorityOf = ({ subject: { authority }, actorKind, initiatorName }: Run["dispatch"]): RequestedAuthority =>
  authority._tag === "ActorBound"
    ? { initiator: authority.initiator, ...(initiatorName === null ? {} : { initiatorName }) }
    : { systemAuthority: true, ...(actorKind === "human" ? {} : { actorKind }) }
