/**
 * A real process that starts a run of the toy specialist, or goes on with the one that there is, and kills itself (SIGKILL: no handler, no flush) at a chosen point.
 * Arguments: data folder, then `step <step> <started|done>` or `registry <n>` (after the n-th call that changes the registry, n from 1).
 */

import { resumeRun, retrain } from "../../../src/loop/retrain.ts";
import type { RunEvent } from "../../../src/loop/run-steps.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import { openToyHouse } from "./open-house.ts";

const [dataDir = "", kind, first, second] = process.argv.slice(2);
const die = (): void => void process.kill(process.pid, "SIGKILL");

// uploads are many and alike; the calls before and after them are here
const CHANGES = /^(create|update|set|log|ensure|transition|delete|finalize|getOrCreate)/;
let changes = 0;

/** Passes every call on; dies after the wanted one has been answered. */
const dying = (registry: Registry): Registry =>
  new Proxy(registry, {
    get(target, name: keyof Registry) {
      const method = target[name];
      if (typeof method !== "function") return method;
      return async (...words: unknown[]) => {
        const answer = await (method as (...words: unknown[]) => unknown).apply(target, words);
        if (CHANGES.test(name) && ++changes === Number(first)) die();
        return answer;
      };
    },
  });

const opened = await openToyHouse(dataDir, Date.now, "", 1);
const house = kind === "registry" ? { ...opened.house, registry: dying(opened.house.registry) } : opened.house;
const onEvent = ({ step, phase }: RunEvent): void => {
  if (kind === "step" && step === first && phase === second) die();
};
const { items } = await house.store.listRuns({ specialist: "toy", state: "running" }, { limit: 1 });
if (items[0] === undefined) await retrain(house, { specialist: "toy", by: "test", reason: "evidence" }, { onEvent });
else await resumeRun(house, items[0].run_id, { onEvent });
await opened.close();
process.stdout.write(`survived ${changes} changes\n`);
