import { randomUUID } from "node:crypto";
import { openMongoStore } from "../../../src/store/index.ts";
import { storeSuite } from "../../conformance/store-suite.ts";
import { server, WEAKNESSES } from "./server.ts";

const atomicUpdates = WEAKNESSES[server.name]?.atomicUpdates;

storeSuite(
  `mongodb protocol, ${server.name}`,
  () => openMongoStore(server.uri, { database: `conformance_${randomUUID().slice(0, 8)}`, now: Date.now }),
  atomicUpdates === undefined ? {} : { "of many owners that ask at once one gets the lease": atomicUpdates },
);
