import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"
import { orderLaws } from "./orderLaws.ts"

orderLaws("PostgreSQL", layerPorts(layerFreshDatabase()))
