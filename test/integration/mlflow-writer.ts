/** A process that writes to a shared data folder: mlflow-writer.ts DATADIR NAME COUNT. Sends each version's number when it is answered. */
import { openMlflow } from "../../src/mlflow/index.ts";

const [dataDir = "", name = "", count = "0"] = process.argv.slice(2);
const service = await openMlflow({ dataDir, now: Date.now });

async function call(path: string, values: object, allowed: readonly number[]): Promise<Record<string, Record<string, string>>> {
  const response = await service.transport({
    method: "POST",
    path: `/api/2.0/mlflow/${path}`,
    headers: { "content-type": "application/json" },
    body: Buffer.from(JSON.stringify(values)),
  });
  const text = Buffer.from(response.body as Uint8Array).toString();
  if (!allowed.includes(response.status)) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

await call("experiments/create", { name }, [200]);
// Another writer may have made it.
await call("registered-models/create", { name: "shared" }, [200, 400]);
for (let i = 0; i < Number(count); i += 1) {
  const made = await call("model-versions/create", { name: "shared", source: `s3://bucket/${name}/${i}` }, [200]);
  await call("registered-models/alias", { name: "shared", alias: "champion", version: made.model_version?.version }, [200]);
  process.send?.(made.model_version?.version);
}
service.close();
process.disconnect?.();
