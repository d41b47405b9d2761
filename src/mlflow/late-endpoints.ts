import { assessmentEndpoints } from "./assessments.ts";
import type { Endpoint } from "./endpoint.ts";
import { datasetEndpoints } from "./evaluation-datasets.ts";
import { recordEndpoints } from "./evaluation-records.ts";
import { promptlabEndpoint } from "./promptlab.ts";
import { scorerEndpoints } from "./scorers.ts";
import { searchTraceEndpoints } from "./search-traces.ts";
import { spanEndpoint } from "./spans.ts";
import { traceEndpoints } from "./traces.ts";

/** What most servers are never asked for. Loaded with the first request that finds nothing else, so that it costs no start and no memory. */
export const lateEndpoints: readonly Endpoint[] = [
  ...traceEndpoints,
  ...searchTraceEndpoints,
  spanEndpoint,
  ...assessmentEndpoints,
  ...datasetEndpoints,
  ...recordEndpoints,
  ...scorerEndpoints,
  promptlabEndpoint,
  // Its library is loaded with the first query.
  {
    methods: ["POST"],
    path: "graphql",
    access: "read",
    mount: "root",
    handle: async (context, call) => (await import("./graphql.ts")).answerGraphql(context, call),
  },
];
