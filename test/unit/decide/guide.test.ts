import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as decide from "../../../src/decide/index.ts";

const { FINDING_CODES, pairedPower, POLICY_PRESETS, smallestVisibleGain } = decide;

const guide = readFileSync(new URL("../../../docs/guide/decisions.md", import.meta.url), "utf8");

describe("docs/guide/decisions.md", () => {
  test("names every finding and every preset", () => {
    for (const code of FINDING_CODES) expect(guide).toContain(`\`${code}\``);
    for (const preset of Object.keys(POLICY_PRESETS)) expect(guide).toContain(`| \`${preset}\``);
  });

  test("its column of theory is what the code computes, and its simulated column lies within Monte Carlo error of it", () => {
    const lines = [
      ...guide.matchAll(/^\| (\d+) \| (none|[+-]\d+ points) \| [\d.]+ \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \| [\d.]+ \|$/gm),
    ];
    expect(lines.length).toBeGreaterThanOrEqual(12);
    for (const [, rows, gain, simulated, theory] of lines) {
      const share = gain === "none" ? 0 : Number.parseInt(gain ?? "", 10) / 100;
      const power = pairedPower({ rows: Number(rows), gain: share, discordance: 0.2, level: 0.05 });
      expect(Number(theory)).toBeCloseTo(power, 2);
      expect(Math.abs(Number(simulated) - power)).toBeLessThanOrEqual(0.005 + 3.5 * Math.sqrt((power * (1 - power)) / 4_000));
    }
  });

  test("40 gate rows see about 17 points", () => {
    expect(guide).toContain("sees only gains of about 17 points");
    expect(smallestVisibleGain(40, 0.2, 0.05, 0.8)).toBeCloseTo(0.17, 2);
  });

  test("its example runs and prints a verdict", () => {
    const code = /```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? "";
    const names =
      /import \{([^}]*)\} from "requeen\/decide";/
        .exec(code)?.[1]
        ?.split(",")
        .map((name) => name.trim()) ?? [];
    const exported = new Map<string, unknown>(Object.entries(decide));
    const values = names.map((name) => exported.get(name));
    expect(values).not.toContain(undefined);
    const printed: unknown[][] = [];
    const log = (...shown: unknown[]) => printed.push(shown);
    new Function("console", ...names, code.replace(/^import.*$/m, ""))({ log }, ...values);
    expect(printed).toEqual([["inconclusive", 1, 26], [true]]);
  });
});
