import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { parseLine } from "../../../src/cli/parse.ts";

const names = Object.keys(COMMANDS);

test("what changes something has --dry-run, what reads has not", async () => {
  const changing: string[] = [];
  for (const name of names) if ((await COMMANDS[name]?.load())?.changes === true) changing.push(name);
  expect(changing).toEqual(
    expect.arrayContaining([
      "judge",
      "opinions import",
      "feedback import",
      "feedback add",
      "feedback quarantine",
      "trigger check",
      "retrain",
      "train",
      "runs resume",
      "runs cancel",
      "promote",
      "rollback",
      "models export",
    ]),
  );
  for (const name of [
    "status",
    "runs list",
    "verdict show",
    "verdict recompute",
    "history",
    "gate",
    "audit verify",
    "feedback export",
  ])
    expect(changing).not.toContain(name);
});

test("train takes switches bare or with a value, and pairs that mlflow run appends", async () => {
  const train = await COMMANDS.train?.load();
  if (train === undefined) throw new Error("there is no command train");
  const given = (line: string) => parseLine(train, line.split(" ")).values;
  expect(given("--specialist-type technical --promote-if-better false --hyperparameter-tuning true")).toMatchObject({
    specialistType: "technical",
    promoteIfBetter: false,
    hyperparameterTuning: true,
  });
  expect(given("--specialist-type technical --hyperparameter-tuning --window-days 30")).toMatchObject({
    hyperparameterTuning: true,
    promoteIfBetter: true,
    windowDays: 30,
  });
  expect(given("--specialist-type technical --experiment_name x --feedback-count 120 --n=3")).toMatchObject({
    feedbackCount: 120,
    extra: ["--experiment_name", "x", "--n=3"],
  });
  expect(given("--specialist-type technical --allow-synthetic-fallback")).toMatchObject({ allowSyntheticFallback: "true" });
  expect(given("--specialist-type technical --allow-synthetic-fallback auto")).toMatchObject({ allowSyntheticFallback: "auto" });
  expect(() => given("--specialist-type technical --promote-if-better maybe")).toThrow(/promote-if-better/);
});
