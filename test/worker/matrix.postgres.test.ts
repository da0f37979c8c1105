import { Layer } from "effect"
import { layerPorts } from "../adapters/postgres/support.ts"
import { layerFreshDatabase } from "../support/postgres.ts"
import { StoredRows } from "./matrix/StoredRows.ts"
import { matrixLaws } from "./matrixLaws.ts"

matrixLaws("PostgreSQL", Layer.provideMerge(StoredRows.layerSql, layerPorts(layerFreshDatabase())))
