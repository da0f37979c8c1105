/** A failure as a person at the command line meets it: what is wrong, and what to do about it. */
import { Schema } from "effect"

/** What is wrong, and what to do about it; its code is stable. */
export class CliFailure extends Schema.TaggedError<CliFailure>()("CliFailure", {
  /** Stable, for scripts. */
  code: Schema.String,
  problem: Schema.String,
  advice: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return this.advice === null ? this.problem : `${this.problem}: ${this.advice}`
  }
}

/** Makes a failure in one line. */
export const cliFailure = (code: string, problem: string, advice: string | null = null): CliFailure =>
  new CliFailure({ code, problem, advice })

/** The command has said all there is to say; nothing is to be added but the exit code 1. */
export class AlreadyTold extends Schema.TaggedError<AlreadyTold>()("AlreadyTold", {}) {}
