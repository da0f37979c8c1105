/** Notices for channels: an ordinary one, and one whose every text wants to be more than text. */
import { type Notice, OperationType, RunId, TenantId, UserId, WorkspaceId } from "@countersign/domain"

export const notice: Notice = {
  runId: RunId.make("0190163d-8694-739b-aea5-966c26f8ad91"),
  recipient: UserId.make("ada"),
  workspaceId: WorkspaceId.make("north"),
  tenantId: TenantId.make("contoso"),
  operationType: OperationType.make("inventory_sync"),
  outcome: "blocked",
  title: "inventory_sync: Blocked — the person who started it left the workspace",
  message: "You are no longer a member of the workspace, so the run was not carried out.",
  nextSteps: ["Ask an administrator of the workspace to add you again.", "Start the operation again."],
  completedAtMillis: Date.UTC(2026, 0, 2, 3, 4, 5)
}

export const MARKUP = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&`
export const INJECTION = "subject\r\nBcc: everybody@example.org\r\n\r\n<b>body</b>"
export const TURNED = "\u202egnp.exe\u2066 \u05e9\u05dc\u05d5\u05dd"

export const hostileNotice: Notice = {
  ...notice,
  tenantId: TenantId.make(MARKUP),
  operationType: OperationType.make(`<h1>${"n".repeat(200)}`),
  title: `${INJECTION}${MARKUP}${TURNED}${"x".repeat(10_000)}`,
  message: `${MARKUP}${INJECTION}${TURNED}${"y".repeat(10_000)}\u0000\ud800`,
  nextSteps: [MARKUP, INJECTION, TURNED, "\ud83d\ude00 emoji"]
}
