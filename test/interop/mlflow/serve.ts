/**
 * The embedded server for the interop suites: serve.ts --port N --data-dir D [--default-artifact-root R] [--artifacts-destination D]
 * [--allow-local-artifact-roots]. Without authentication, so on the loopback address only. Ends on SIGTERM.
 */
import { parseArgs } from "node:util";
import { serveMlflow } from "../../../src/mlflow/serve.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "data-dir": { type: "string" },
    "default-artifact-root": { type: "string" },
    "artifacts-destination": { type: "string" },
    "allow-local-artifact-roots": { type: "boolean", default: false },
  },
});
const dataDir = values["data-dir"];
if (dataDir === undefined) throw new Error("serve.ts: --data-dir is missing");
const server = await serveMlflow({
  host: "127.0.0.1",
  port: Number(values.port),
  dataDir,
  defaultArtifactRoot: values["default-artifact-root"],
  artifactsDestination: values["artifacts-destination"],
  allowLocalArtifactRoots: values["allow-local-artifact-roots"],
  now: Date.now,
});
console.log(server.url);
process.on("SIGTERM", () => server.close());
