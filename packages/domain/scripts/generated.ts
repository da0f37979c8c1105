/**
 * What is written from the code, so that it cannot disagree with it: the JSON Schemas of the wire decision and of events, and the tables and the
 * diagram of the README.
 */
import {
  beginnings,
  checks,
  denialClassOf,
  ExecutionLegitimacy,
  ReasonCode,
  RUN_STATES,
  type RunState,
  retryableOf,
  type Transition,
  transitions,
  WorkspaceEventMessage,
  wireStateOf
} from "@countersign/domain"
import { Schema } from "effect"

/** The wire decision as JSON Schema 2020-12 (contract, section 5). */
export const executionLegitimacySchema = (): string => jsonSchemaOf(ExecutionLegitimacy, "execution-legitimacy")

/** The message about an event as JSON Schema 2020-12. */
export const workspaceEventSchema = (): string => jsonSchemaOf(WorkspaceEventMessage, "workspace-event")

/** No further properties, at no level. */
const jsonSchemaOf = (of: Schema.Top, name: string): string => {
  const { schema, definitions } = Schema.toJsonSchemaDocument(of, { onExcessProperty: "error" })
  const document = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:countersign:${name}`,
    ...schema,
    $defs: definitions
  }
  return `${layout(document, "")}\n`
}

/** JSON over several lines, with lists of texts on one line as long as they fit. */
const layout = (value: unknown, indent: string): string => {
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    const inline = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`
    const fits = value.every((item) => typeof item !== "object") && indent.length + inline.length < 110
    return fits ? inline : `[\n${value.map((item) => deeper + layout(item, deeper)).join(",\n")}\n${indent}]`
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, member]) => `${deeper}${JSON.stringify(key)}: ${layout(member, deeper)}`
  )
  return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`
}

const isOver = (state: RunState) => wireStateOf[state].status === "completed"

const nameOf = (state: RunState): string => {
  const { status, outcome } = wireStateOf[state]
  return outcome === "pending" ? status : `${status} / ${outcome}`
}

/** Where an event can lead to two states, what decides is whether attempts are left. */
const labelFor = ({ cause, to }: Transition, target: RunState): string => {
  if (to.length === 1) return cause
  return target === "Queued" ? `${cause}, attempts left` : `${cause}, no attempts left`
}

/** The lifecycle as a Mermaid state diagram, one arrow for each way in the table. */
export const lifecycleDiagram = (): string =>
  [
    "```mermaid",
    "stateDiagram-v2",
    ...RUN_STATES.map((state) => `  state "${nameOf(state)}" as ${state}`),
    ...beginnings.map(({ to, cause }) => `  [*] --> ${to}: ${cause}`),
    ...transitions.flatMap((row) => row.to.map((to) => `  ${row.from} --> ${to}: ${labelFor(row, to)}`)),
    ...RUN_STATES.filter(isOver).map((state) => `  ${state} --> [*]`),
    "```"
  ].join("\n")

/** A Markdown table with its columns aligned. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n")
}

/** The five checks, in their order. */
export const checksTable = (): string =>
  table([["", "check", "asks"], ...checks.map(({ key, asks }, index) => [`${index + 1}`, `\`${key}\``, asks])])

/** Every reason to deny, its class, and whether trying again later can help. */
export const reasonsTable = (): string =>
  table([
    ["reason code", "class", "retryable"],
    ...ReasonCode.literals.map((code) => {
      const denialClass = denialClassOf[code]
      return [`\`${code}\``, `\`${denialClass}\``, retryableOf[denialClass] ? "yes" : "no"]
    })
  ])

const between = (text: string, name: string, generated: string): string => {
  const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`the README lacks the markers of ${name}`)
  return `${before}${begin}\n${generated}\n${end}${after}`
}

/** The README with everything generated in it made anew. */
export const readmeWith = (readme: string): string => {
  const withChecks = between(readme, "checks", checksTable())
  const withReasons = between(withChecks, "reasons", reasonsTable())
  return between(withReasons, "lifecycle", lifecycleDiagram())
}
