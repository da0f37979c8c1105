import { EmbeddedPostgres } from "@countersign/adapters"
import { layerPorts } from "../adapters/postgres/support.ts"
import { gateLaws } from "./gateLaws.ts"

gateLaws("embedded PostgreSQL", layerPorts(EmbeddedPostgres.layer({})))
