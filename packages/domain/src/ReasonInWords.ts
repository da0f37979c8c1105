/**
 * Why a run was denied, in words: for the person who started it, and for whoever can mend it. A raw code is never the sentence.
 *
 * Contract sections 6 and 9.
 */
import type { DetailCode, Failure } from "./Decision.ts"
import type { TargetScope } from "./Snapshot.ts"

/**
 * Why a run was denied: as a clause for whoever looks at it, and as the beginning of a sentence to its initiator; what to do next, the
 * leading step first.
 */
export interface ReasonInWords {
  readonly reason: string
  readonly toInitiator: string
  readonly nextSteps: readonly [string, ...ReadonlyArray<string>]
}

const words = (reason: string, toInitiator: string, ...nextSteps: ReasonInWords["nextSteps"]): ReasonInWords => ({
  reason,
  toInitiator,
  nextSteps
})

const DISPATCH_AGAIN = "Start the operation again once that is done."
const GOES_ON = "The run then goes on by itself."

const wordsFor: Readonly<Record<DetailCode, (about: string) => ReasonInWords>> = {
  workspace_missing: () =>
    words(
      "the workspace no longer exists",
      "The workspace this run belongs to no longer exists",
      "Check with an administrator whether the workspace was removed on purpose."
    ),
  workspace_closed: () =>
    words(
      "the workspace is closed",
      "The workspace is closed",
      "Ask an administrator to reopen the workspace.",
      DISPATCH_AGAIN
    ),
  tenant_elsewhere: () =>
    words(
      "the tenant belongs to another workspace",
      "The tenant belongs to another workspace",
      "Start the operation from the workspace the tenant belongs to now."
    ),
  user_missing: () =>
    words(
      "the person who started it is no longer known",
      "The account that started this run no longer exists",
      "Have somebody with access start the operation again."
    ),
  user_disabled: () =>
    words(
      "the account that started it is disabled",
      "Your account is disabled",
      "Have somebody with access start the operation again."
    ),
  not_a_member: () =>
    words(
      "the person who started it left the workspace",
      "You are no longer a member of the workspace",
      "Ask an administrator of the workspace to add you again, or have a member start the operation."
    ),
  tenant_missing: () =>
    words(
      "the tenant no longer exists",
      "The tenant this run was for no longer exists",
      "Check with an administrator whether the tenant was removed on purpose."
    ),
  not_entitled: () =>
    words(
      "the person who started it has no access to the tenant",
      "You no longer have access to this tenant",
      "Ask an administrator for access to the tenant.",
      DISPATCH_AGAIN
    ),
  operation_unknown: () =>
    words(
      "the operation is not known any more",
      "This kind of operation is no longer offered",
      "Ask the team that runs the workers whether the operation was withdrawn."
    ),
  system_authority_not_declared: () =>
    words(
      "the operation may not run without a person",
      "This operation must be started by a person",
      "Have somebody with access start the operation."
    ),
  not_held: () =>
    words(
      "the person who started it no longer has the permission",
      "You no longer have the permission this operation needs",
      "Ask an administrator for a role that includes the permission.",
      DISPATCH_AGAIN
    ),
  tenant_state: (state) =>
    words(
      state === "unrecognised" ? "the tenant is in a state that does not allow it" : `the tenant is ${state}`,
      "The tenant is not in a state in which this operation may run",
      state === "archived" ? "Restore the tenant from the archive." : "Bring the tenant into an operable state.",
      DISPATCH_AGAIN
    ),
  connection_not_named: () =>
    words(
      "no provider connection was named",
      "The run does not say which provider connection to use",
      "Start the operation again and choose a provider connection."
    ),
  connection_missing: () =>
    words(
      "the provider connection no longer exists",
      "The provider connection no longer exists",
      "Set up the provider connection again.",
      DISPATCH_AGAIN
    ),
  connection_elsewhere: () =>
    words(
      "the provider connection belongs to another tenant",
      "The provider connection belongs to another tenant",
      "Start the operation again with a connection of this tenant."
    ),
  connection_disabled: () =>
    words(
      "the provider connection is disabled",
      "The provider connection is disabled",
      "Enable the provider connection.",
      DISPATCH_AGAIN
    ),
  connection_disconnected: () =>
    words(
      "the provider connection is not connected",
      "The provider connection lost its link to the provider",
      "Reconnect the provider connection.",
      DISPATCH_AGAIN
    ),
  not_configured: () =>
    words(
      "the write gate was never checked",
      "The tenant's hardening was never checked, and this operation writes",
      "Set up the hardening check of the tenant and run it.",
      DISPATCH_AGAIN
    ),
  unhealthy: () =>
    words(
      "the write gate is closed",
      "The tenant's hardening check reports a problem, and this operation writes",
      "Mend what the hardening check of the tenant reports.",
      DISPATCH_AGAIN
    ),
  stale: () =>
    words(
      "the write gate was not checked recently enough",
      "The tenant's last hardening check is too old, and this operation writes",
      "Run the hardening check of the tenant again.",
      DISPATCH_AGAIN
    ),
  prerequisite_unknown: (name) =>
    words(
      `nothing is known about the prerequisite “${name}”`,
      `Nothing is known about the prerequisite “${name}”`,
      `Have the prerequisite “${name}” checked.`,
      DISPATCH_AGAIN
    ),
  prerequisite_unsatisfied: (name) =>
    words(
      `the prerequisite “${name}” is not satisfied`,
      `The prerequisite “${name}” is not satisfied`,
      `Satisfy the prerequisite “${name}”.`,
      DISPATCH_AGAIN
    )
}

/** The words for a check's failure. */
export const reasonInWords = ({ detail, about }: Failure): ReasonInWords => wordsFor[detail](about ?? "")

const NAME_A_TENANT = "Start the operation again for a tenant: it writes, and only a tenant has a write gate."

/**
 * The words for what this run failed of. Only a tenant has a write gate: a run without one is not sent to the hardening check of a
 * tenant that it does not have.
 */
export const reasonOfRun = (failure: Failure, { tenantId }: TargetScope): ReasonInWords => {
  const reason = reasonInWords(failure)
  if (tenantId !== null || failure.code !== "write_gate_blocked") return reason
  const toInitiator = "The run was started for no tenant, and this operation writes"
  return { ...reason, toInitiator, nextSteps: [NAME_A_TENANT] }
}

/** What else a run may have to name, beside what its reason says already. */
const unnamed: Partial<Readonly<Record<DetailCode, string>>> = { not_configured: NAME_A_TENANT }

/** What to do where no change of facts helps, because the run does not name what its operation needs. */
export const dispatchAgainInWords = (failure: Failure): string =>
  unnamed[failure.detail] ?? reasonInWords(failure).nextSteps[0]

const lacks: Partial<Readonly<Record<DetailCode, string>>> = {
  workspace_missing: "there is no such workspace",
  tenant_missing: "there is no such tenant",
  user_missing: "nobody of this id is known",
  user_disabled: "the account is disabled",
  not_a_member: "the person is no member of the workspace",
  not_entitled: "the person has no access to the tenant",
  not_held: "the person does not have the permission the operation needs",
  operation_unknown: "the operation is not known here"
}

/** Why a person has no access, as a clause; of somebody who asks to answer for something, not of a run that was started. */
export const lackOfAccess = (failure: Failure): string => lacks[failure.detail] ?? reasonInWords(failure).reason

/** What somebody can do for a run that is held, the leading step first: it then goes on, nobody has to start it again. */
export const nextStepsWhileHeld = (failure: Failure): ReadonlyArray<string> =>
  reasonInWords(failure).nextSteps.map((step) => (step === DISPATCH_AGAIN ? GOES_ON : step))
