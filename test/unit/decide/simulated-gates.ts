import type { GateInput } from "../../../src/decide/index.ts";
import type { SeededRandom } from "../../../src/engine/seeded-random.ts";

/** What a simulated challenger really is. */
export interface SimulatedChallenger {
  readonly rows: number;
  /** True gain of accuracy, challenger minus champion. */
  readonly gain: number;
  /** Share of rows where exactly one is right. */
  readonly discordance: number;
}

/** Share of all rows where both models are right; the rest of the concordant rows both get wrong. */
const BOTH_RIGHT = 0.65;

/**
 * Draws champion and challenger on the same rows of two classes. The decided class has 0.6 to 0.9 probability, drawn alike for both, so that
 * nothing but the decisions differs.
 */
export function simulateGate(
  random: SeededRandom,
  { rows, gain, discordance }: SimulatedChallenger,
): Pick<GateInput, "labels" | "champion" | "challenger"> {
  const labels = new Uint8Array(rows);
  const champion = new Float64Array(rows * 2);
  const challenger = new Float64Array(rows * 2);
  const wins = (discordance + gain) / 2;
  const say = (probabilities: Float64Array, row: number, right: boolean): void => {
    const label = labels[row] ?? 0;
    const p = 0.6 + 0.3 * random.next();
    probabilities[row * 2 + (right ? label : 1 - label)] = p;
    probabilities[row * 2 + (right ? 1 - label : label)] = 1 - p;
  };
  for (let row = 0; row < rows; row++) {
    labels[row] = random.next() < 0.55 ? 0 : 1;
    const u = random.next();
    const bothRight = u >= discordance && random.next() < BOTH_RIGHT / (1 - discordance);
    say(challenger, row, u < wins || bothRight);
    say(champion, row, (u >= wins && u < discordance) || bothRight);
  }
  return { labels, champion, challenger };
}

/** Wins and losses only, for simulations of many thousand gates. */
export function simulateCounts(
  random: SeededRandom,
  { rows, gain, discordance }: SimulatedChallenger,
): { wins: number; losses: number } {
  let wins = 0;
  let losses = 0;
  for (let row = 0; row < rows; row++) {
    const u = random.next();
    if (u < (discordance + gain) / 2) wins++;
    else if (u < discordance) losses++;
  }
  return { wins, losses };
}

export interface Walk {
  /** Sum of the true gains of all promoted challengers: what 26 retrainings brought. */
  readonly gain: number;
  /** Promoted challengers that were worse than the champion they replaced. */
  readonly harmful: number;
}

/** 26 retrainings: each challenger's true gain is normal around -0.5 points with a spread of 3 points, within 12; 20 % discordance. */
export function simulateWalk(random: SeededRandom, rows: number, promotes: (challenger: SimulatedChallenger) => boolean): Walk {
  let total = 0;
  let harmful = 0;
  for (let retraining = 0; retraining < 26; retraining++) {
    const gain = Math.max(-0.12, Math.min(0.12, -0.005 + 0.03 * random.nextNormal()));
    if (!promotes({ rows, gain, discordance: Math.max(0.2, Math.abs(gain) + 0.02) })) continue;
    total += gain;
    if (gain < 0) harmful++;
  }
  return { gain: total, harmful };
}
