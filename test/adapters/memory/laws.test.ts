/** The memory adapter keeps the laws that every adapter keeps. */
import { layerMemory } from "../../../packages/adapters/src/memory/index.ts"
import { runStoreLaws, unitOfWorkLaws } from "../../../packages/adapters/src/testing/index.ts"

unitOfWorkLaws("memory", layerMemory)
runStoreLaws("memory", layerMemory)
