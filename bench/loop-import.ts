/**
 * The process that bench/loop.ts measures: imports opinions and their feedback as documents through the loop's own intake, then takes the
 * snapshot of one of five specialists. Arguments: data folder, number of opinions.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openHouse } from "../src/cli/house.ts";
import { readConfig } from "../src/config/read-config.ts";
import { SeededRandom } from "../src/engine/index.ts";
import { collectStep } from "../src/loop/collect-step.ts";
import { BULK_ROWS, importFeedback, importOpinions } from "../src/loop/import-documents.ts";
import { startRun } from "../src/loop/retrain.ts";

const [dataDir = "", count = "1000000"] = process.argv.slice(2);
const total = Number(count);
/** As wide as the mails of the spambase example. */
const WIDTH = 57;
const NAMES = ["one", "two", "three", "four", "five"];
const CLASSES = ["yes", "no"];

mkdirSync(dataDir, { recursive: true });
const columns = Array.from({ length: WIDTH }, (_, index) => `        - { name: c${index}, kind: numeric }`).join("\n");
const specialists = NAMES.map(
  (name) => `  - name: ${name}\n    classes: [yes, no]\n    features:\n      schema: wide/1\n      columns:\n${columns}`,
);
writeFileSync(join(dataDir, "requeen.config.yaml"), `specialists:\n${specialists.join("\n")}\n`);
const { config } = await readConfig({ workingDirectory: dataDir, environment: { REQUEEN_DATA_DIR: dataDir } });
const opened = await openHouse({ config, now: Date.now });
const { house } = opened;
const startMs = Date.now() - 30 * 86_400_000;

async function* opinions(): AsyncGenerator<unknown> {
  const random = new SeededRandom(1);
  for (let index = 0; index < total; index += 1) {
    yield {
      schema_version: "3.0.0",
      opinion_id: `opinion-${index}`,
      plan_id: `plan-${index}`,
      intent_id: null,
      specialist_type: NAMES[index % NAMES.length],
      specialist_version: "1",
      correlation_id: null,
      trace_id: null,
      span_id: null,
      evaluated_at: new Date(startMs + index * 1000).toISOString(),
      processing_time_ms: 3,
      opinion: { recommendation: CLASSES[index % 2], confidence_score: 0.5 + random.next() / 2, risk_score: random.next() },
      state: "external",
      cognitive_plan: null,
      columns: null,
      features: { schema: "wide/1", values: Array.from({ length: WIDTH }, () => random.next()) },
      model: null,
      probabilities: null,
      group: `plan-${index}`,
    };
  }
}

async function* feedback(): AsyncGenerator<unknown> {
  const random = new SeededRandom(2);
  for (let index = 0; index < total; index += 1) {
    yield {
      feedback_id: `feedback-${index}`,
      schema_version: "2.0.0",
      opinion_id: `opinion-${index}`,
      plan_id: `plan-${index}`,
      specialist_type: NAMES[index % NAMES.length],
      human_recommendation: CLASSES[random.nextInt(2)],
      human_rating: Math.round(random.next() * 20) / 20,
      submitted_by: `person-${random.nextInt(200)}`,
      submitted_at: new Date(startMs + index * 1000 + random.nextInt(500_000)).toISOString(),
    };
  }
}

const startedAt = performance.now();
const first = await importOpinions(house, opinions(), { source: "bench", bulkRows: BULK_ROWS });
const second = await importFeedback(house, feedback(), {
  source: "bench",
  bulkRows: BULK_ROWS,
  channel: "person",
  vouchedBy: null,
});
const importSeconds = (performance.now() - startedAt) / 1000;
if (first.added !== total || second.added !== total) throw new Error(`imported ${JSON.stringify([first, second])}`);

const specialist = house.specialists[0];
if (specialist === undefined) throw new Error("no specialist");
const run = await startRun(house, { specialist: specialist.name, by: "bench", reason: "evidence" });
const snapshotAt = performance.now();
const { result } = await collectStep(house, {
  run,
  specialist,
  policy: house.policyOf(specialist),
  signal: new AbortController().signal,
  progress: () => undefined,
});
const snapshotSeconds = (performance.now() - snapshotAt) / 1000;
await opened.close();
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ importSeconds, snapshotSeconds, peakMiB, labels: result.human_rows }));
