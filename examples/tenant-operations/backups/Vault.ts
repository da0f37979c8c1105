/** Backups as files of a folder, each known by its checksum: what was changed or cut off is never restored. */
import { sha256Hex } from "@countersign/adapters"
import { AttemptFailed } from "@countersign/worker"
import { Context, Effect, FileSystem, Layer, Path, type PlatformError, Schema } from "effect"
import { Item } from "../provider/Connector.ts"

const Content = Schema.fromJsonString(Schema.Struct({ policies: Schema.Array(Item) }))
const encode = Schema.encodeEffect(Content)
const decode = Schema.decodeEffect(Content)

const DAMAGED = new AttemptFailed({
  code: "backup.damaged",
  message: "The backup's file is missing or is not what was written.",
  retry: false
})

/** Where backups are kept. */
export class Vault extends Context.Service<
  Vault,
  {
    /** Writes the file whole or not at all, over an earlier one of the same id; answers its checksum. */
    readonly write: (id: string, policies: ReadonlyArray<Item>) => Effect.Effect<string, PlatformError.PlatformError>
    /** Reads the file, if it is exactly the one that was written. */
    readonly read: (id: string, sha256: string) => Effect.Effect<ReadonlyArray<Item>, AttemptFailed>
  }
>()("tenant-operations/Vault") {
  /** In this folder, which is made when it is missing. */
  static readonly layer = (
    folder: string
  ): Layer.Layer<Vault, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
    Layer.effect(
      Vault,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const fileOf = (id: string) => path.join(folder, `${encodeURIComponent(id)}.json`)
        yield* fs.makeDirectory(folder, { recursive: true })
        return Vault.of({
          write: Effect.fnUntraced(function* (id, policies) {
            const text = yield* Effect.orDie(encode({ policies }))
            yield* fs.writeFileString(`${fileOf(id)}.new`, text)
            yield* fs.rename(`${fileOf(id)}.new`, fileOf(id))
            return sha256Hex(text)
          }),
          read: Effect.fnUntraced(function* (id, sha256) {
            const text = yield* Effect.mapError(fs.readFileString(fileOf(id)), () => DAMAGED)
            if (sha256Hex(text) !== sha256) return yield* DAMAGED
            return (yield* Effect.mapError(decode(text), () => DAMAGED)).policies
          })
        })
      })
    )
}
