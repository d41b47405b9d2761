import { z } from "zod";
import { specialistOf } from "../../loop/house.ts";
import { showList } from "../../loop/present.ts";
import { rollOut, type ShownRollout, showRollout } from "../../loop/rollout.ts";
import { defineCommand } from "../command.ts";
import { minuteOf, versionOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { DASH } from "../render/values.ts";
import type { Terminal } from "../terminal.ts";

type Rollouts = ReturnType<typeof showList<"rollouts", ShownRollout>>;

const specialistArgument = { summary: "which specialist; without it, all", type: z.string().optional() };

export const rolloutStatus = defineCommand({
  name: "rollout status",
  summary: "Show whether what is in production has reached the pods that judge.",
  details: [
    "pending: `requeen serve` or `requeen rollout apply` carries it out next. rolling: begun. done: carried out, and nobody asks the pods",
    "(rollout.verifyUrl is not set). verified: every pod reports the version. failed, rolled_back: the error says why.",
    "Exits with 7 when a rollout failed.",
  ].join("\n"),
  arguments: { specialist: specialistArgument },
  options: {},
  examples: [
    { line: "requeen rollout status", does: "one line a specialist" },
    { line: "requeen rollout status technical --json", does: "with what each pod said" },
  ],
  changes: false,
  run: async ({ specialist }, { openHouse }): Promise<Rollouts> => {
    const house = await openHouse();
    const names = specialist === undefined ? house.specialists.map(({ name }) => name) : [specialistOf(house, specialist).name];
    return showList("rollouts", await Promise.all(names.map((name) => showRollout(house, name))), null);
  },
  render: ({ rollouts }, terminal) => renderRollouts(rollouts, terminal),
  exitCode: ({ rollouts }) => exitCodeOf(rollouts),
});

export const rolloutApply = defineCommand({
  name: "rollout apply",
  summary: "Carry what is in production to the pods that judge, now, and verify it.",
  details: [
    "By the configured strategy, one specialist at a time. `requeen serve` does it by itself after each promotion and rollback; this is for",
    "production that is changed without a server, and to try again after a failure. A promotion that does not reach the pods is taken back.",
  ].join("\n"),
  arguments: { specialist: specialistArgument },
  options: { again: { summary: "also what was carried out before", type: z.boolean().default(false) } },
  examples: [
    { line: "requeen rollout apply technical", does: "after `requeen promote` or `requeen rollback`" },
    { line: "requeen rollout apply --again", does: "restart and verify all" },
  ],
  changes: true,
  run: async ({ specialist, again }, { openHouse, dryRun, signal, progress }): Promise<Rollouts> => {
    const house = await openHouse();
    const names = specialist === undefined ? house.specialists.map(({ name }) => name) : [specialistOf(house, specialist).name];
    if (!dryRun)
      for (const name of names) {
        const line = progress.begin(name);
        line.step("rolling out");
        const record = await rollOut(house, name, { signal, by: house.actor, again });
        line.end(record === null ? "nothing is in production" : `${versionOf(record.version)}: ${record.state}`);
      }
    return showList("rollouts", await Promise.all(names.map((name) => showRollout(house, name))), null);
  },
  render: ({ rollouts }, terminal) => renderRollouts(rollouts, terminal),
  exitCode: ({ rollouts }) => exitCodeOf(rollouts),
});

const FAILED_EXIT = 7;
const exitCodeOf = (rollouts: readonly ShownRollout[]): number =>
  rollouts.some(({ state }) => state === "failed" || state === "rolled_back") ? FAILED_EXIT : 0;

function renderRollouts(rollouts: readonly ShownRollout[], terminal: Terminal): string {
  const table = renderTable(
    rollouts,
    [
      { title: "SPECIALIST", shrinks: true, text: ({ specialist }) => specialist },
      { title: "VERSION", text: ({ champion }) => versionOf(champion) },
      { title: "STATE", text: ({ state }) => stateText(state, terminal) },
      { title: "STRATEGY", text: ({ strategy }) => strategy },
      { title: "PODS", align: "right", text: ({ pods }) => (pods.length === 0 ? DASH : podsText(pods)) },
      { title: "SINCE", text: ({ ended_at, started_at }) => (started_at === null ? DASH : minuteOf(ended_at ?? started_at)) },
    ],
    terminal,
  );
  const problems = rollouts.flatMap(({ specialist, error, pods }) => [
    ...(error === null ? [] : [`${terminal.style.bold(specialist)}: ${error.message}`]),
    ...pods.filter(({ problem }) => problem !== "").map(({ pod, problem }) => `  ${pod}: ${problem}`),
  ]);
  const pending = rollouts.filter(({ state }) => state === "pending").map(({ specialist }) => specialist);
  const next = pending.length === 0 ? [] : [`\`requeen rollout apply\` carries out ${pending.join(", ")}.`];
  return [table, ...(problems.length + next.length === 0 ? [] : [""]), ...problems, ...next].join("\n");
}

const podsText = (pods: ShownRollout["pods"]): string => `${pods.filter(({ problem }) => problem === "").length}/${pods.length}`;

function stateText(state: ShownRollout["state"], { style }: Terminal): string {
  if (state === "verified" || state === "done") return style.green(state);
  if (state === "failed" || state === "rolled_back") return style.red(state);
  return state === "rolling" ? style.cyan(state) : state;
}
