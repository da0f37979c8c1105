/** A run that waits, as the columns its fate depends on: there are many of them, and their subjects are few. */
import type { SharedSubjects, Subject, WaitingRun } from "@countersign/domain"
import { heldOf, initiatorNameOf, type RunRow } from "./RunRow.ts"
import { isRunId, millisOf, unreadable } from "./readCells.ts"
import { reading } from "./readRows.ts"
import { type SubjectRow, subjectOf } from "./SubjectRow.ts"

/** What the fate of a waiting run depends on; its subject is one text, so that it is made out once for many runs. */
export type WaitingRow = Pick<RunRow, "id" | "initiator_name" | "expires_at" | "held"> & { readonly subject: string }

const SUBJECT = [
  "operation_type",
  "authority_mode",
  "initiator_id",
  "workspace_id",
  "tenant_id",
  "provider_connection_id"
] satisfies ReadonlyArray<keyof SubjectRow>

/** Part the columns of a subject, and stand for one that is null. No name holds control characters. */
const [PARTING, NULL] = ["\u001f", "\u001e"]

/** What to select of a waiting run; `r` is the table's alias. */
export const WAITING_COLUMNS = `r.id, r.initiator_name, r.expires_at, r.held,
${SUBJECT.map((column) => `coalesce(r.${column}, '${NULL}')`).join(` || '${PARTING}' || `)} AS subject`

/** The subject whose columns this text is. A name that holds what parts them gives a part too many. */
const subjectFrom = (text: string): Subject => {
  const parts = text.split(PARTING)
  if (parts.length !== SUBJECT.length) return unreadable("a name of its subject holds a control character")
  const [operation_type = "", authority_mode = "", initiator = "", workspace_id = "", tenant = "", connection = ""] =
    parts
  const orNull = (part: string): string | null => (part === NULL ? null : part)
  return subjectOf({
    operation_type,
    authority_mode,
    initiator_id: orNull(initiator),
    workspace_id,
    tenant_id: orNull(tenant),
    provider_connection_id: orNull(connection)
  })
}

/** The waiting run that a row is; equal subjects come as one of `shared`. */
export const readWaiting = (shared: SharedSubjects) => {
  const sharedSubject = (text: string): Subject => {
    const known = shared.get(text)
    if (known !== undefined) return known
    const subject = subjectFrom(text)
    shared.set(text, subject)
    return subject
  }
  return reading(
    ({ id, initiator_name, expires_at, held, subject }: WaitingRow): WaitingRun => ({
      id: isRunId(id) ? id : unreadable("id is not a UUID of version 7"),
      subject: sharedSubject(subject),
      initiatorName: initiatorNameOf(initiator_name),
      expiresAtMillis: millisOf(expires_at, "expires_at"),
      heldSinceMillis: heldOf({ held })?.sinceMillis ?? null
    })
  )
}
