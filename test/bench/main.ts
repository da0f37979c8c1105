/** `npm run bench`: how fast we are, measured; see docs/benchmarks.md. */
import { Effect, Logger } from "effect"
import { goalsWith } from "./goals.ts"
import { isBelow, judge } from "./harness/goals.ts"
import { loadNow, machineWith } from "./harness/machine.ts"
import { SEED } from "./harness/random.ts"
import { markdownOf, type Report, rowsOf } from "./harness/report.ts"
import { measureRows } from "./harness/rounds.ts"
import { type Options, optionsOf, USAGE } from "./options.ts"
import { openPlan } from "./plan.ts"
import { sizesOf } from "./sizes.ts"

const optionsOrUsage = (): Options => {
  try {
    return optionsOf(process.argv.slice(2))
  } catch (problem) {
    process.stderr.write(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}\n`)
    process.exit(2)
  }
}

const modeOf = ({ quick, long, scale }: Options): string =>
  [quick ? "quick" : "full", ...(long ? ["long"] : []), ...(scale === 1 ? [] : [`only ${scale} of the work`])].join(
    ", "
  )

const bench = Effect.fnUntraced(function* (options: Options) {
  const startedAt = new Date()
  const loadBefore = loadNow()
  const { rows, database } = yield* openPlan(options)
  const measured = rowsOf(rows, yield* measureRows(rows, options.rounds))
  const sizes = sizesOf(options)
  const report: Report = {
    machine: machineWith(database),
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    load: [loadBefore, loadNow()],
    mode: modeOf(options),
    rounds: options.rounds,
    seed: SEED,
    goals: judge(goalsWith(sizes), measured),
    rows: measured
  }
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : markdownOf(report)}\n`)
  return report.goals.some(isBelow)
})

/** What is logged goes where progress goes: standard output is for the result. */
const onStandardError = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

/** 1: a goal is below its must. 2: nothing could be measured, or what was done was not right. */
const isAnyBelow = await Effect.runPromise(
  Effect.provide(Effect.scoped(bench(optionsOrUsage())), onStandardError)
).catch((problem: unknown) => {
  process.stderr.write(`the bench has failed: ${problem instanceof Error ? problem.message : String(problem)}\n`)
  process.exit(2)
})
process.exitCode = isAnyBelow ? 1 : 0
