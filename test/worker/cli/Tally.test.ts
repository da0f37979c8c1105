/** What a worker did, counted: nothing has to be remembered between the start of a run and its end. */

import { makeWorld } from "@countersign/adapters/testing"
import { dispatch } from "@countersign/domain"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeTally } from "../../../packages/worker/src/cli/Tally.ts"

it.effect("a run that waits again was given back as the same attempt, and is retried as another", () =>
  Effect.gen(function* () {
    const run = dispatch((yield* makeWorld).dispatch())
    const { observe, counts } = makeTally()
    yield* observe({ _tag: "Settled", run, attempt: run.attempt })
    assert.deepInclude(counts(), { given_back: 1, retried: 0 })
    yield* observe({ _tag: "Settled", run, attempt: run.attempt - 1 })
    assert.deepInclude(counts(), { given_back: 1, retried: 1 })
  })
)
