import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"
import { gateLaws } from "./gateLaws.ts"

gateLaws("PostgreSQL", layerPorts(layerFreshDatabase()))
