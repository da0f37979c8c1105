/** `countersign audit replay`: every stored decision made again. */
import { Clock, Effect, type Schema } from "effect"
import { Command } from "effect/cli"
import { type ReplayCount, type ReplayFinding, replayAll } from "../../AuditReplay.ts"
import { AlreadyTold } from "../CliFailure.ts"
import { answer, tell } from "../Reply.ts"
import { printable } from "../render/Style.ts"
import { replying } from "../replying.ts"
import { readSettings } from "../Settings.ts"
import { withStore } from "../Store.ts"

/** How often people hear how far it has got. */
const TOLD_EVERY_MILLIS = 2_000

type Finding = Readonly<Record<string, Schema.Json>>

const asJson = (finding: ReplayFinding): Finding =>
  finding._tag === "Mismatch"
    ? {
        finding: "different",
        decision_id: finding.record.id,
        run_id: finding.record.runId,
        differences: finding.differences.map((difference) => ({ ...difference }))
      }
    : { finding: "unreadable", decision_id: finding.decisionId, run_id: finding.runId, problem: finding.problem }

const inWords = (finding: ReplayFinding): ReadonlyArray<string> =>
  finding._tag === "Mismatch"
    ? [
        `Decision ${finding.record.id} of run ${finding.record.runId} does not come out the same:`,
        ...finding.differences.map(
          ({ part, stored, again }) => `  ${part}: stored ${stored ?? "nothing"}, now ${again ?? "nothing"}`
        )
      ]
    : [`Decision ${finding.decisionId} of run ${finding.runId} cannot be made again: ${finding.problem}`]

const summaryOf = ({ decisions, different, unreadable }: ReplayCount): string => {
  if (decisions === 0) return "No decision is stored."
  return different + unreadable === 0
    ? `${decisions} decisions made again: all came out the same.`
    : `${decisions} decisions made again: ${different} came out different, ${unreadable} could not be made again.`
}

/** The command. */
export const auditReplay = Command.make("replay", {}, () =>
  replying(
    Effect.gen(function* () {
      const settings = yield* readSettings
      let toldAtMillis = yield* Clock.currentTimeMillis
      const told = Effect.fnUntraced(function* (findings: ReadonlyArray<ReplayFinding>, { decisions }: ReplayCount) {
        if (findings.length > 0) {
          yield* answer({ json: () => findings.map(asJson), text: () => findings.flatMap(inWords).map(printable) })
        }
        const nowMillis = yield* Clock.currentTimeMillis
        if (nowMillis - toldAtMillis < TOLD_EVERY_MILLIS) return
        toldAtMillis = nowMillis
        yield* tell(`${decisions} decisions so far`)
      })
      const count = yield* withStore(settings, replayAll(told))
      yield* answer({ json: () => [{ finding: "summary", ...count }], text: () => [summaryOf(count)] })
      if (count.different + count.unreadable > 0) return yield* new AlreadyTold()
    })
  )
).pipe(
  Command.withShortDescription("Make every stored decision again, and compare"),
  Command.withDescription(
    "Make every stored decision again from the snapshot it was made from, and compare all that it says. Snapshots are compared with the hash they were stored under. Exit code 1 when a decision comes out different, or cannot be made again."
  ),
  Command.withExamples([
    { command: "countersign audit replay" },
    { command: "countersign audit replay --json | tail -1", description: "The summary alone" }
  ])
)
