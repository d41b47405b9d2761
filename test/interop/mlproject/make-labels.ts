/** Labels of simulated reviewers for the five specialists, given within the last days and seen by no model: make-labels.ts DATA_DIR */
import { openHouse } from "../../../src/cli/house.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import { addFeedback } from "../../../src/loop/intake.ts";
import { judge } from "../../../src/loop/judge.ts";
import { SIMULATED_SPECIALISTS, simulatePlans, simulateReviewers } from "../../../src/loop/simulate.ts";

const DAY_MS = 86_400_000;
const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error("make-labels.ts: the data folder is missing");
const { config } = await readConfig({ workingDirectory: dataDir, environment: { REQUEEN_DATA_DIR: dataDir } });
const opened = await openHouse({ config, now: Date.now });
const endMs = Date.now();
for (const specialist of SIMULATED_SPECIALISTS) {
  const plans = simulatePlans({ seed: 7, count: 201, idPrefix: `labelled-${specialist}` });
  await judge(
    opened.house,
    specialist,
    plans.map((plan, index) => ({
      plan,
      opinionId: `${specialist}-${index}`,
      evaluatedAtMs: endMs - 6 * DAY_MS + index * 60_000,
    })),
  );
  const judgements = simulateReviewers({
    seed: 7,
    specialist,
    opinions: plans.map((plan, index) => ({ opinionId: `${specialist}-${index}`, plan, recommendation: null })),
  });
  const lastMs = Math.max(...judgements.map(({ submittedAtMs }) => submittedAtMs));
  await addFeedback(
    opened.house,
    "review_blind",
    judgements.map((judgement) => ({ ...judgement, submittedAtMs: endMs - 60_000 - (lastMs - judgement.submittedAtMs) })),
  );
}
await opened.close();
