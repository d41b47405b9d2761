/** A real process that generates a set from a model server, to be killed from outside: generate-and-die.ts DATA_DIR OUTPUT URL COUNT */
import { openHouse } from "../../../src/cli/house.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import { generateDataset } from "../../../src/loop/generate.ts";

const [dataDir = "", outputPath = "", baseUrl = "", count = "0"] = process.argv.slice(2);
const { config } = await readConfig({ workingDirectory: dataDir, environment: { REQUEEN_DATA_DIR: dataDir } });
const opened = await openHouse({ config, now: Date.now });
const result = await generateDataset(
  opened.house,
  {
    specialist: "technical",
    generator: { name: "local", model: "toy", baseUrl },
    count: Number(count),
    seed: 3,
    outputPath,
    featureSchema: null,
    quotas: null,
    languages: ["en"],
    temperature: 0.7,
    maxTokens: 1_000,
    minQualityScore: 0.5,
    duplicateLimit: 0.8,
    strictSampleCount: true,
    concurrency: 1,
    limits: { tokens: null, usd: null, prices: null },
    keep: true,
    dryRun: false,
  },
  { environment: {}, signal: new AbortController().signal, backoffMs: 1 },
);
await opened.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
