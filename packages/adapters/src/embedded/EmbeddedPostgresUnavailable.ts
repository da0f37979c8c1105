import { Schema } from "effect"

/**
 * The embedded database cannot be opened. `reason` is for programs, `message` for people: it names the folder (an
 * absolute path; absent for a database in memory) and says what to do.
 *
 * - `FolderNotWritable` — the folder cannot be created or written
 * - `FolderInUse` — another live process has it open; two at once would corrupt it
 * - `FolderHoldsSomethingElse` — the folder has contents, but not a database of ours
 * - `DidNotStart` — the engine itself failed; `cause` says why
 */
export class EmbeddedPostgresUnavailable extends Schema.TaggedError<EmbeddedPostgresUnavailable>()(
  "EmbeddedPostgresUnavailable",
  {
    reason: Schema.Literals(["FolderNotWritable", "FolderInUse", "FolderHoldsSomethingElse", "DidNotStart"]),
    folder: Schema.optionalKey(Schema.String),
    problem: Schema.String,
    advice: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message() {
    return `${this.problem}. ${this.advice}.`
  }
}
