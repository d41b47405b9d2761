import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OpenedHouse, openHouse } from "../../../src/cli/house.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import { SeededRandom } from "../../../src/engine/index.ts";
import type { House } from "../../../src/loop/house.ts";
import { addFeedback } from "../../../src/loop/intake.ts";
import { judge } from "../../../src/loop/judge.ts";

/** A small specialist over three columns, whose label a straight line through two of them gives: fits in milliseconds. */
export const CONFIG_TEXT = `
specialists:
  - name: toy
    classes: [yes, no]
    features:
      schema: toy/1
      columns:
        - { name: a, kind: numeric }
        - { name: b, kind: numeric }
        - { name: noise, kind: numeric }
    model_types: [logistic_regression]
`;

/** A house over a data folder with the toy specialist; real SQLite, files, threads and embedded MLflow server. */
export async function openToyHouse(
  dataDir: string,
  now: () => number = Date.now,
  policy = "",
  threads = 2,
): Promise<OpenedHouse> {
  // the policy is written out in the specialist, as a person would
  const text = policy === "" ? CONFIG_TEXT : `${CONFIG_TEXT}    policy: ${policy}\n`;
  writeFileSync(join(dataDir, "requeen.config.yaml"), text);
  const { config } = await readConfig({
    workingDirectory: dataDir,
    environment: { REQUEEN_DATA_DIR: dataDir, REQUEEN_TRAIN_THREADS: String(threads) },
  });
  return openHouse({ config, now });
}

export interface ToyLabels {
  readonly from: number;
  readonly count: number;
  /** Share of labels that are wrong, 0..1. */
  readonly noise: number;
  readonly startMs: number;
}

/** Judges toy rows and labels them as a person who decided blind. */
export async function addToyLabels(house: House, { from, count, noise, startMs }: ToyLabels): Promise<void> {
  const random = new SeededRandom(1_000 + from);
  const rows = Array.from({ length: count }, (_, index) => {
    const [a, b] = [random.next() * 2 - 1, random.next() * 2 - 1];
    const truth = a + b > 0 ? "yes" : "no";
    const wrong = random.next() < noise;
    return { id: from + index, columns: { a, b, noise: random.next() }, label: wrong === (truth === "yes") ? "no" : "yes" };
  });
  const at = (id: number) => startMs + (id - from) * 90_000;
  await judge(
    house,
    "toy",
    rows.map(({ id, columns }) => ({ columns, planId: `row-${id}`, opinionId: `opinion-${id}`, evaluatedAtMs: at(id) })),
  );
  await addFeedback(
    house,
    "review_blind",
    rows.map(({ id, label }) => ({
      opinionId: `opinion-${id}`,
      feedbackId: `feedback-${id}`,
      recommendation: label,
      rating: null,
      reviewer: `person-${id % 3}`,
      submittedAtMs: at(id) + 30_000 + (id % 7) * 4_000,
    })),
  );
}
