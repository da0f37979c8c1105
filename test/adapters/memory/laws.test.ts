/** The memory adapter keeps the laws that every adapter keeps. */
import { Layer } from "effect"
import { layerMemory, MemoryAuthority } from "../../../packages/adapters/src/memory/index.ts"
import {
  AuthorityBook,
  auditLogLaws,
  boardLaws,
  eventsLaws,
  factsLaws,
  fenceLaws,
  holdLaws,
  noticesLaws,
  pauseLaws,
  runQueueLaws,
  runStoreLaws,
  schedulesLaws,
  unitOfWorkLaws
} from "../../../packages/adapters/src/testing/index.ts"

const layerWithBook = Layer.effect(AuthorityBook, MemoryAuthority).pipe(Layer.provideMerge(layerMemory))

unitOfWorkLaws("memory", layerMemory)
runStoreLaws("memory", layerMemory)
runQueueLaws("memory", layerMemory)
noticesLaws("memory", layerMemory)
pauseLaws("memory", layerMemory)
schedulesLaws("memory", layerMemory)
auditLogLaws("memory", layerMemory)
eventsLaws("memory", layerMemory)
boardLaws("memory", layerWithBook)
factsLaws("memory", layerWithBook)
fenceLaws("memory", layerWithBook)
holdLaws("memory", layerWithBook)
