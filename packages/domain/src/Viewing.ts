/**
 * Who may look at what: a pure function over facts, as the decision about a run is one.
 *
 * To look at a run takes to be a member of its workspace and to be entitled to its tenant; without it the run is as good as
 * missing. A type of operation may ask for a capability on top of that; who is in scope without it is told so.
 *
 * Contract section 9; laws `losing_a_fact_never_shows_more`, `a_stranger_learns_nothing`.
 */
import { actorBound, initiatorOf } from "./Authority.ts"
import type { Capability } from "./Capability.ts"
import type { Catalogue } from "./Catalogue.ts"
import { OperationType, type TenantId, type UserId, type WorkspaceId } from "./Ids.ts"
import type { FactsRequest } from "./ports/Facts.ts"
import type { AuthorityFacts } from "./Snapshot.ts"
import { WRITE_GATE_MAX_AGE_MILLIS } from "./WriteGate.ts"

/** `visible` is shown (200); `forbidden` is in scope, but not to be shown (403); `hidden` is as good as missing (404). */
export type Viewing = "visible" | "forbidden" | "hidden"

/** Where what is looked at belongs. */
export interface ViewedScope {
  readonly workspaceId: WorkspaceId
  /** Null for what belongs to the workspace as a whole. */
  readonly tenantId: TenantId | null
}

/** The type under which facts are asked for when somebody looks; a host that answers facts itself can tell it by this. */
export const VIEW = OperationType.make("countersign.view")

/** What a viewer must hold to look at runs of the type. */
export const viewCapabilitiesFor = (
  { operations }: Pick<Catalogue, "operations">,
  type: OperationType
): ReadonlyArray<Capability> => {
  const operation = operations.get(type)
  // Of an undeclared type nobody knows what it asked for: all that any type asks for is on the safe side of it.
  if (operation === undefined) return everyViewCapability({ operations })
  return operation.viewCapability === null ? [] : [operation.viewCapability]
}

/** Every capability that looking at some declared type takes. */
export const everyViewCapability = ({ operations }: Pick<Catalogue, "operations">): ReadonlyArray<Capability> => [
  ...new Set(Array.from(operations.values()).flatMap(({ viewCapability }) => viewCapability ?? []))
]

/**
 * What is to be asked of the facts, for {@link viewOf}: one question for each capability, and one when there is none. The
 * questions have one shape, whatever they are about.
 */
export const viewQuestions = (
  viewer: UserId,
  { workspaceId, tenantId }: ViewedScope,
  capabilities: ReadonlyArray<Capability>
): ReadonlyArray<FactsRequest> =>
  (capabilities.length === 0 ? [null] : capabilities).map((capability) => ({
    subject: {
      operationType: VIEW,
      authority: actorBound(viewer),
      scope: { workspaceId, tenantId, providerConnectionId: null }
    },
    requirements: {
      capability,
      systemAuthority: false,
      tenantStates: ["active"],
      providerConnection: false,
      writes: false,
      writeGateMaxAgeMillis: WRITE_GATE_MAX_AGE_MILLIS,
      prerequisites: []
    }
  }))

/** A question and the facts that answer it. */
export interface AnsweredView {
  readonly request: FactsRequest
  readonly facts: AuthorityFacts
}

/** What somebody who is in scope holds of the capabilities that were asked about; null for who is not in scope. */
export type View = ReadonlySet<Capability> | null

/** What the answers to all questions say together; with none there is nothing to see. */
export const viewOf = (answers: ReadonlyArray<AnsweredView>): View =>
  answers.length === 0 || !answers.every(isInScope) ? null : new Set(answers.flatMap(heldOf))

/** Whether something can be seen that takes these capabilities, all of which were asked about. */
export const viewingOf = (view: View, capabilities: ReadonlyArray<Capability>): Viewing => {
  if (view === null) return "hidden"
  return capabilities.every((capability) => view.has(capability)) ? "visible" : "forbidden"
}

/** Workspaces that are closed and tenants in any state can be looked at; people who are disabled look at nothing. */
const isInScope = ({
  request: { subject },
  facts: { workspace, initiator, membership, entitlement }
}: AnsweredView) => {
  const { workspaceId, tenantId } = subject.scope
  const viewer = initiatorOf(subject.authority)
  const isMember = membership?.userId === viewer && membership.workspaceId === workspaceId
  const isEntitled = tenantId === null || (entitlement?.userId === viewer && entitlement.tenantId === tenantId)
  return (
    viewer !== null &&
    workspace?.id === workspaceId &&
    initiator?.id === viewer &&
    initiator.disabled === false &&
    isMember &&
    isEntitled
  )
}

const heldOf = ({ request, facts }: AnsweredView): ReadonlyArray<Capability> => {
  const asked = request.requirements?.capability ?? null
  return asked !== null && facts.membership?.capabilities.includes(asked) === true ? [asked] : []
}

/** The types somebody who holds these capabilities may look at; null when that is every type, declared or not. */
export const visibleTypes = (
  { operations }: Pick<Catalogue, "operations">,
  held: ReadonlySet<Capability>
): ReadonlyArray<OperationType> | null => {
  const isVisible = (capability: Capability | null) => capability === null || held.has(capability)
  const all = Array.from(operations.values())
  return all.every(({ viewCapability }) => isVisible(viewCapability))
    ? null
    : all.filter(({ viewCapability }) => isVisible(viewCapability)).map(({ type }) => type)
}
