/** What the command line says to arguments and settings that make no sense: one or two clear lines, and exit code 1. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { VERSION } from "../../../packages/worker/src/cli/version.ts"
import { type Answered, answered } from "./support/inProcess.ts"

const folder = mkdtempSync(join(tmpdir(), "countersign-cli-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const RUN = "0190163d-8694-739b-aea5-966c26f8ad91"
const NOBODY_THERE = "postgres://somebody:topsecret@127.0.0.1:1/nothing"

/** Told to a person: the exit code, nothing on standard output, at most three lines, no stack trace, no secret. */
const refusal = ({ code, stdout, stderr }: Answered): string => {
  assert.strictEqual(code, 1)
  assert.strictEqual(stdout, "")
  assert.isAtMost(stderr.split("\n").length, 3, stderr)
  assert.notMatch(stderr, /^\s+at /m)
  assert.notInclude(stderr, "topsecret")
  return stderr
}

interface Case {
  readonly name: string
  readonly args: ReadonlyArray<string>
  readonly env?: Record<string, string>
  readonly says: RegExp
  readonly code: string
}

const app = (content: string) => file(`app-${Math.random().toString(36).slice(2)}.mjs`, content)

const cases: ReadonlyArray<Case> = [
  { name: "no database", args: ["runs", "list"], says: /set DATABASE_URL/, code: "settings.no_database" },
  {
    name: "an address that is none",
    args: ["runs", "list", "--database", "mysql://a@b/c"],
    says: /not a PostgreSQL URL/,
    code: "settings.invalid"
  },
  {
    name: "two databases at once",
    args: ["doctor", "--database", NOBODY_THERE, "--data", "x"],
    says: /two databases/,
    code: "settings.contradictory"
  },
  {
    name: "an address, whatever else the environment names",
    args: ["runs", "list", "--database", NOBODY_THERE],
    env: { DATABASE_URL: "mysql://a@b/c", COUNTERSIGN_DATA: "x" },
    says: /database cannot be reached/,
    code: "database.unreachable"
  },
  {
    name: "a schema name that is none",
    args: ["runs", "list", "--schema", 'x"; DROP'],
    says: /schema's name is not valid/,
    code: "settings.invalid"
  },
  {
    name: "a variable that is no number",
    args: ["runs", "list"],
    env: { COUNTERSIGN_POLL_MILLIS: "soon" },
    says: /pollMillis/,
    code: "settings.invalid"
  },
  {
    name: "a database that is down",
    args: ["runs", "list"],
    env: { DATABASE_URL: NOBODY_THERE },
    says: /database cannot be reached/,
    code: "database.unreachable"
  },
  {
    name: "work without waiting for a database that is down",
    args: ["work", "--no-wait", "--app", "test/worker/cli/support/app.ts"],
    env: { DATABASE_URL: NOBODY_THERE },
    says: /database cannot be reached/,
    code: "database.unreachable"
  },
  { name: "an unknown flag", args: ["runs", "list", "--colour"], says: /Unrecognized flag: --colour/, code: "usage" },
  { name: "an unknown command", args: ["rnus"], says: /rnus/, code: "usage" },
  { name: "a missing value", args: ["runs", "list", "--limit"], says: /limit/, code: "usage" },
  { name: "a value out of range", args: ["runs", "list", "--limit", "0"], says: /from 1 to 1000/, code: "usage" },
  { name: "a value that is no number", args: ["work", "--concurrency", "many"], says: /concurrency/, code: "usage" },
  {
    name: "a value that is none of the choices",
    args: ["runs", "list", "--status", "done"],
    says: /queued/,
    code: "usage"
  },
  { name: "a missing argument", args: ["runs", "show"], says: /run/i, code: "usage" },
  { name: "an id that is none", args: ["runs", "show", "17"], says: /“17” is not a run's id/, code: "run.invalid_id" },
  {
    name: "a settings file that is not there",
    args: ["runs", "list", "--config", join(folder, "nowhere.json")],
    says: /does not exist/,
    code: "settings.not_found"
  },
  {
    name: "a settings file that is no JSON",
    args: ["runs", "list", "--config", file("broken.json", "{")],
    says: /not valid/,
    code: "settings.invalid"
  },
  {
    name: "a settings file with a key that nobody knows",
    args: ["runs", "list", "--config", file("unknown.json", '{"databse":"x"}')],
    says: /databse/,
    code: "settings.invalid"
  },
  {
    name: "two losses at once",
    args: ["impact", "--actor", "ada", "--tenant", "contoso"],
    says: /--actor, --tenant and --connection exclude each other/,
    code: "argument.contradictory"
  },
  {
    name: "a loss of somebody with an impossible id",
    args: ["impact", "--actor", ""],
    says: /“” is not a valid id/,
    code: "argument.invalid"
  },
  {
    name: "an impact without an app",
    args: ["impact", "--connection", "graph"],
    says: /--app/,
    code: "app.not_named"
  },
  {
    name: "a dispatch without an app",
    args: ["dispatch", "a", "--workspace", "w", "--system"],
    says: /--app/,
    code: "app.not_named"
  },
  {
    name: "an app that is not there",
    args: ["work", "--app", join(folder, "none.ts")],
    says: /there is no file/,
    code: "app.not_found"
  },
  {
    name: "an app that throws",
    args: ["work", "--app", app('throw new Error("no licence")')],
    says: /could not be loaded[\s\S]*no licence/,
    code: "app.broken"
  },
  {
    name: "an app that throws what cannot even be made a string",
    args: ["work", "--app", app("throw Object.create(null)")],
    says: /could not be loaded[\s\S]*`node .*` shows where/,
    code: "app.broken"
  },
  {
    name: "viewers of pages that are not served",
    args: ["work", "--app", "test/worker/cli/support/app.ts", "--as", "ada"],
    env: { DATABASE_URL: NOBODY_THERE },
    says: /add --monitor PORT/,
    code: "argument.contradictory"
  },
  {
    name: "a proxy that is no address",
    args: ["monitor", "--app", "test/worker/cli/support/app.ts", "--viewer-header", "x", "--proxy", "10.0.0.0/8"],
    says: /“10\.0\.0\.0\/8” is not an address/,
    code: "argument.invalid"
  },
  {
    name: "a version to migrate from",
    args: ["migrate", "--from", "3"],
    env: { DATABASE_URL: NOBODY_THERE },
    says: /for --print alone/,
    code: "argument.contradictory"
  },
  {
    name: "an app that is none",
    args: ["work", "--app", app("export default { operations: [] }")],
    says: /exports no app[\s\S]*defineApp/,
    code: "app.missing"
  },
  {
    name: "nobody's authority",
    args: ["dispatch", "a", "--workspace", "w"],
    says: /--initiator USER/,
    code: "argument.missing"
  },
  {
    name: "two authorities",
    args: ["dispatch", "a", "--workspace", "w", "--system", "--initiator", "ada"],
    says: /exclude each other/,
    code: "argument.contradictory"
  },
  {
    name: "a payload that is no JSON",
    args: ["dispatch", "a", "--workspace", "w", "--system", "--payload", "{a:1}"],
    says: /not valid JSON/,
    code: "payload.invalid_json"
  },
  {
    name: "a payload from a file that never ends",
    args: ["dispatch", "a", "--workspace", "w", "--system", "--payload", "@/dev/zero"],
    says: /more than 16777216 bytes/,
    code: "payload.too_large"
  },
  {
    name: "a settings file that never ends",
    args: ["runs", "list", "--config", "/dev/zero"],
    says: /more than 16777216 bytes/,
    code: "settings.too_large"
  },
  {
    name: "a payload from a folder",
    args: ["dispatch", "a", "--workspace", "w", "--system", "--payload", `@${folder}`],
    says: /cannot be read/,
    code: "payload.unreadable"
  },
  {
    name: "a payload's file that is not there",
    args: ["dispatch", "a", "--workspace", "w", "--system", "--payload", `@${join(folder, "none.json")}`],
    says: /does not exist/,
    code: "payload.unreadable"
  }
]

describe("usage", { timeout: 60_000 }, () => {
  for (const { name, args, env, says, code } of cases) {
    it.live(`${name}: in words, and as JSON`, () =>
      Effect.gen(function* () {
        assert.match(refusal(yield* answered(args, env)), says)
        const { error } = JSON.parse(refusal(yield* answered(["--json", ...args], env)))
        assert.strictEqual(error.code, code)
        assert.isString(error.problem)
      })
    )
  }

  it.live("whatever is typed as an id, a workspace or a flag is answered in a line or two", () =>
    Effect.gen(function* () {
      const hostile = [
        "",
        " ",
        "x".repeat(100_000),
        "\u0000",
        "\u202eevil",
        "\ud800",
        "../../etc/passwd",
        "'; DROP",
        "💥"
      ]
      for (const text of hostile) {
        const stderr = refusal(yield* answered(["runs", "show", text], { DATABASE_URL: NOBODY_THERE }))
        assert.isAtMost(stderr.length, 1_000)
        assert.notMatch(stderr, /[\u202e\ud800]/)
        refusal(yield* answered([`--x${text}`]))
        refusal(yield* answered(["runs", "list", "--workspace", text], { DATABASE_URL: NOBODY_THERE }))
        refusal(yield* answered(["runs", "list", `--limit=${text}`], { DATABASE_URL: NOBODY_THERE }))
      }
    })
  )

  it.live("a failure is JSON for whoever asked, in whichever of the ways there are", () =>
    Effect.gen(function* () {
      for (const asked of [["--json"], ["--json=1"], ["--json=yes"], ["--json", "on"]]) {
        const { error } = JSON.parse(refusal(yield* answered(["runs", "list", ...asked])))
        assert.strictEqual(error.code, "settings.no_database")
      }
      for (const not of [["--json=no"], ["--json", "false"], []]) {
        assert.match(refusal(yield* answered(["runs", "list", ...not])), /^countersign: no database/)
      }
    })
  )

  it.live("flags over environment over file", () =>
    Effect.gen(function* () {
      const config = file("settings.json", '{"schema":"of_file"}')
      const printed = Effect.fnUntraced(function* (args: ReadonlyArray<string>, env: Record<string, string>) {
        const { code, stdout } = yield* answered(["migrate", "--print", ...args], env)
        assert.strictEqual(code, 0)
        return /CREATE SCHEMA IF NOT EXISTS "(\w+)"/.exec(stdout)?.[1]
      })
      assert.strictEqual(yield* printed([], {}), "countersign")
      assert.strictEqual(yield* printed(["--config", config], {}), "of_file")
      assert.strictEqual(yield* printed([], { COUNTERSIGN_CONFIG: config }), "of_file")
      const env = { COUNTERSIGN_CONFIG: config, COUNTERSIGN_SCHEMA: "of_env" }
      assert.strictEqual(yield* printed([], env), "of_env")
      assert.strictEqual(yield* printed(["--schema", "of_flag"], env), "of_flag")
    })
  )

  it.live("every command explains itself, with examples, and exits 0", () =>
    Effect.gen(function* () {
      const commands = [
        ["demo"],
        ["migrate"],
        ["work"],
        ["dispatch"],
        ["runs", "list"],
        ["runs", "show"],
        ["runs", "cancel"],
        ["explain"],
        ["doctor"]
      ]
      for (const command of [[], ...commands]) {
        const { code, stdout, stderr } = yield* answered([...command, "--help"])
        assert.strictEqual(code, 0)
        assert.strictEqual(stderr, "")
        assert.include(stdout, "EXAMPLES")
        assert.include(stdout, "--json")
      }
      const bare = yield* answered([])
      assert.include(bare.stdout, "SUBCOMMANDS")
    })
  )

  it.live("the version is the package's", () =>
    Effect.gen(function* () {
      const { version } = JSON.parse(
        readFileSync(join(import.meta.dirname, "../../../packages/worker/package.json"), "utf8")
      )
      assert.strictEqual(VERSION, version)
      assert.include((yield* answered(["--version"])).stdout, version)
    })
  )

  it.live("an id that nobody knows is not the same as a database that nobody knows", () =>
    Effect.gen(function* () {
      const data = join(folder, "data")
      assert.match(refusal(yield* answered(["runs", "show", RUN, "--data", data])), /countersign migrate/)
      assert.strictEqual((yield* answered(["migrate", "--data", data])).code, 0)
      assert.match(
        refusal(yield* answered(["runs", "show", RUN.toUpperCase(), "--data", data])),
        /there is no run 0190/
      )
      assert.match((yield* answered(["runs", "list", "--data", data])).stdout, /No runs/)
    })
  )
})
