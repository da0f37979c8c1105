/** A notice as an e-mail: the presenter's words, once as HTML and once as text. */
import { type Badge, type Notice, outcomeBadges, plainLine, type Tone } from "@countersign/domain"
import { html } from "hono/html"

/** What stands in the message. */
export interface EmailContent {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Servers fold long subjects, and readers see their beginning. */
const SUBJECT_MAX_LENGTH = 200
const LINE_MAX_LENGTH = 2_000

const colourOf: Readonly<Record<Tone, string>> = {
  neutral: "#475569",
  info: "#1d4ed8",
  success: "#166534",
  warning: "#92400e",
  danger: "#b91c1c"
}

/** What is told, each part one line in which nothing acts on its surroundings. */
interface Parts {
  readonly badge: Badge
  readonly title: string
  readonly message: string
  readonly nextSteps: ReadonlyArray<string>
  readonly details: ReadonlyArray<readonly [name: string, value: string]>
}

const line = (text: string) => plainLine(text, LINE_MAX_LENGTH)

const partsOf = (notice: Notice): Parts => ({
  badge: outcomeBadges[notice.outcome],
  title: line(notice.title),
  message: line(notice.message),
  nextSteps: notice.nextSteps.map(line),
  details: [
    ["Operation", line(notice.operationType)],
    ["Workspace", line(notice.workspaceId)],
    ...(notice.tenantId === null ? [] : ([["Tenant", line(notice.tenantId)]] as const)),
    ["Run", notice.runId],
    ["Ended", `${new Date(notice.completedAtMillis).toISOString().replace("T", " ").slice(0, 19)} UTC`]
  ]
})

const WHY = "You get this message because you started this run. It is the only one about it."

const textOf = ({ title, message, nextSteps, details }: Parts): string =>
  [
    title,
    "",
    message,
    ...(nextSteps.length === 0 ? [] : ["", "What to do next:", ...nextSteps.map((step) => `- ${step}`)]),
    "",
    ...details.map(([name, value]) => `${name}: ${value}`),
    "",
    WHY,
    ""
  ].join("\n")

const listOf = (nextSteps: ReadonlyArray<string>) =>
  nextSteps.length === 0
    ? ""
    : html`<h2 style="font-size:15px;margin:24px 0 8px">What to do next</h2>
<ol style="margin:0;padding-left:20px">${nextSteps.map((step) => html`<li dir="auto" style="margin:4px 0">${step}</li>`)}</ol>`

const rowsOf = (details: Parts["details"]) =>
  details.map(
    ([
      name,
      value
    ]) => html`<tr><th scope="row" style="text-align:left;font-weight:normal;color:#475569;padding:2px 16px 2px 0">${name}</th>
<td dir="auto" style="overflow-wrap:anywhere">${value}</td></tr>`
  )

/** Everything of others goes through the template, which escapes it. */
const htmlOf = ({ badge, title, message, nextSteps, details }: Parts): string =>
  String(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body style="margin:0;padding:24px;background:#ffffff;color:#0f172a;font:15px/1.5 system-ui,sans-serif">
<div style="max-width:560px;margin:0 auto">
<p style="margin:0 0 12px"><span style="padding:2px 10px;border:1px solid ${colourOf[badge.tone]};border-radius:999px;color:${colourOf[badge.tone]};font-size:13px">${badge.label}</span></p>
<h1 dir="auto" style="font-size:19px;line-height:1.3;margin:0 0 12px;overflow-wrap:anywhere">${title}</h1>
<p dir="auto" style="margin:0;overflow-wrap:anywhere">${message}</p>
${listOf(nextSteps)}
<table style="margin:24px 0;border-collapse:collapse;font-size:13px">${rowsOf(details)}</table>
<p style="margin:0;color:#475569;font-size:13px">${WHY}</p>
</div></body></html>
`)

/**
 * The message about a notice. Text of others is escaped, made one line, and bounded; no link, no image and nothing from another
 * server is in it.
 */
export const emailOf = (notice: Notice): EmailContent => {
  const parts = partsOf(notice)
  return { subject: plainLine(notice.title, SUBJECT_MAX_LENGTH), text: textOf(parts), html: htmlOf(parts) }
}
