import { EmbeddedPostgres } from "@countersign/adapters"
import { Layer } from "effect"
import { layerPorts } from "../adapters/postgres/support.ts"
import { StoredRows } from "./matrix/StoredRows.ts"
import { matrixLaws } from "./matrixLaws.ts"

matrixLaws("embedded PostgreSQL", Layer.provideMerge(StoredRows.layerSql, layerPorts(EmbeddedPostgres.layer({}))))
