import { EmbeddedPostgres } from "@countersign/adapters"
import { layerPorts } from "../adapters/postgres/support.ts"
import { orderLaws } from "./orderLaws.ts"

orderLaws("embedded PostgreSQL", layerPorts(EmbeddedPostgres.layer({})))
