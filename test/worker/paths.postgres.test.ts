import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"
import { pathLaws } from "./pathLaws.ts"

pathLaws("PostgreSQL", layerPorts(layerFreshDatabase()))
