import { layerMemory, MemoryAuthority } from "@countersign/adapters"
import { AuthorityBook } from "@countersign/adapters/testing"
import { Effect, Layer } from "effect"
import { StoredRows } from "./matrix/StoredRows.ts"
import { matrixLaws } from "./matrixLaws.ts"

const layerBook = Layer.effect(AuthorityBook, Effect.map(MemoryAuthority, AuthorityBook.of))

matrixLaws("memory", Layer.merge(layerBook, StoredRows.layerMemory).pipe(Layer.provideMerge(layerMemory)))
