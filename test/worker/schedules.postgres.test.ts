import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"
import { scheduleLaws } from "./scheduleLaws.ts"

scheduleLaws("PostgreSQL", layerPorts(layerFreshDatabase()))
