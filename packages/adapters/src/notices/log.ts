/** A channel that writes notices to the log. */
import { type Notice, NoticeChannel } from "@countersign/domain"
import { Effect, Layer } from "effect"

/** What a log line about a notice carries beside its title; no message, which is the recipient's to read. */
const annotationsOf = (notice: Notice) => ({
  runId: notice.runId,
  recipient: notice.recipient,
  workspaceId: notice.workspaceId,
  tenantId: notice.tenantId,
  operationType: notice.operationType,
  outcome: notice.outcome,
  completedAtMillis: notice.completedAtMillis
})

/** Logs each notice at level info, its title as the text and its particulars as annotations. Never fails. */
export const logChannel: NoticeChannel["Service"] = {
  deliver: (notice) => Effect.logInfo(notice.title).pipe(Effect.annotateLogs(annotationsOf(notice)))
}

/** {@link logChannel} as the one channel. */
export const layerLog: Layer.Layer<NoticeChannel> = Layer.succeed(NoticeChannel, logChannel)
