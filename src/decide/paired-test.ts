import { binomialTail, incompleteBeta, normalCdf, normalQuantile } from "./special-functions.ts";

/** Wins and losses that a fair count would have shown: fractions where rows carry weights or come in groups. */
export interface PairedCounts {
  readonly wins: number;
  readonly losses: number;
}

/**
 * One-sided mid-p McNemar: P(so many wins or more | both equally good), the observed count at half weight.
 * For whole counts it equals P(X > wins) + P(X = wins) / 2, X ~ Binomial(wins + losses, 1/2); the beta form extends it to effective counts.
 * No discordant pair gives 0.5. Source: Fagerland, Lydersen, Laake 2013.
 */
export function midP({ wins, losses }: PairedCounts): number {
  if (wins + losses <= 0) return 0.5;
  const atLeast = wins <= 0 ? 1 : incompleteBeta(0.5, wins, losses + 1);
  const more = losses <= 0 ? 0 : incompleteBeta(0.5, wins + 1, losses);
  return (atLeast + more) / 2;
}

/**
 * Posterior P(challenger better): P(share of wins among discordant pairs > 1/2) under Jeffreys' Beta(1/2, 1/2).
 * Source: decision-methods.md 2.1 (simulation of rule `bayes`).
 */
export const probabilityBetter = ({ wins, losses }: PairedCounts): number => incompleteBeta(0.5, losses + 0.5, wins + 0.5);

/**
 * The effective counts of weighted, grouped rows. The sum D of w x d (d = +1 win, -1 loss, 0 tie) has, if both are equally good, the variance
 * V = sum over groups of (sum of w x d)^2. A fair count with the same share of wins and the same D / sqrt(V) has (W + L)^2 / V pairs;
 * it is never let above what the weights alone allow (Kish), so negative correlation earns nothing.
 * @param outcome int8 [n]: +1, 0, -1.
 * @param weights float64 [n] or null (all 1).
 * @param groupOf uint32 [n], any group numbers, or null (each row its own).
 * @param rows    uint32 [m], the rows that count, or null (all).
 */
export function effectiveCounts(
  outcome: Int8Array,
  weights: Float64Array | null,
  groupOf: Uint32Array | null,
  rows: Uint32Array | null = null,
): PairedCounts {
  let wins = 0;
  let losses = 0;
  let squares = 0;
  const groupSum = new Map<number, number>();
  const count = rows === null ? outcome.length : rows.length;
  for (let k = 0; k < count; k++) {
    const i = rows === null ? k : (rows[k] ?? 0);
    const sign = outcome[i] ?? 0;
    if (sign === 0) continue;
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    if (sign > 0) wins += weight;
    else losses += weight;
    squares += weight * weight;
    const group = groupOf?.[i];
    if (group !== undefined) groupSum.set(group, (groupSum.get(group) ?? 0) + sign * weight);
  }
  const total = wins + losses;
  if (total === 0) return { wins: 0, losses: 0 };
  let between = 0;
  for (const sum of groupSum.values()) between += sum * sum;
  const scale = total / Math.max(squares, between);
  return { wins: wins * scale, losses: losses * scale };
}

/** Kish's effective sample size (sum w)^2 / sum w^2; n when all weights are equal, 0 without weight. */
export function effectiveSize(weights: Float64Array): number {
  let sum = 0;
  let squares = 0;
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

/** What a gate asks of a challenger, for planning. */
export interface PowerQuestion {
  /** Gate rows (effective). */
  readonly rows: number;
  /** True gain of accuracy, challenger minus champion. */
  readonly gain: number;
  /** Share of rows where exactly one of both is right; at least |gain|. */
  readonly discordance: number;
  /** One-sided level, for example 0.05 for P(better) >= 0.95. */
  readonly level: number;
}

/**
 * Chance that the paired test sees this gain. Exact (sum over discordant counts) up to 400 rows or 250 expected
 * discordant rows; beyond both normal, which is then within 0.6 points of the exact chance.
 * Source: Connor 1987 for the normal form.
 */
export function pairedPower({ rows, gain, discordance, level }: PowerQuestion): number {
  const share = Math.min(1, Math.max(discordance, Math.abs(gain), 1e-9));
  if (rows <= 0) return 0;
  if (rows > 400 && rows * share > 250) {
    const spread = Math.sqrt(Math.max(share - gain * gain, 1e-12));
    return normalCdf((gain * Math.sqrt(rows) - normalQuantile(1 - level) * Math.sqrt(share)) / spread);
  }
  const n = Math.round(rows);
  const winShare = (share + gain) / (2 * share);
  let power = 0;
  let mass = (1 - share) ** n;
  let useRecurrence = mass > 1e-290;
  for (let m = 0; m <= n; m++) {
    if (m > 0) {
      if (useRecurrence && share < 1) mass *= ((n - m + 1) / m) * (share / (1 - share));
      else mass = binomialTail(m, n, share) - binomialTail(m + 1, n, share);
    }
    useRecurrence &&= mass > 0;
    if (mass < 1e-10) {
      if (m > n * share) break;
      continue;
    }
    const needed = winsNeeded(m, level);
    if (needed <= m) power += mass * binomialTail(needed, m, winShare);
  }
  return Math.min(1, power);
}

const neededCache = new Map<number, Int32Array>();

/** Least wins among m discordant pairs with 1 - P(better) <= level and mid-p <= level; m + 1 = no number is enough. */
export function winsNeeded(m: number, level: number): number {
  let cache = neededCache.get(level);
  if (cache === undefined) {
    cache = new Int32Array(2_049).fill(-1);
    if (neededCache.size > 64) neededCache.clear();
    neededCache.set(level, cache);
  }
  const known = cache[m];
  if (known !== undefined && known >= 0) return known;
  let low = Math.floor(m / 2);
  let high = m + 1;
  while (low < high) {
    const wins = (low + high) >> 1;
    if (provesGain({ wins, losses: m - wins }, level)) high = wins;
    else low = wins + 1;
  }
  if (m < cache.length) cache[m] = low;
  return low;
}

/** Whether the counts reach the level by both measures: posterior and mid-p. */
export const provesGain = (counts: PairedCounts, level: number): boolean =>
  1 - probabilityBetter(counts) <= level && midP(counts) <= level;

/** The smallest true gain that the gate sees with chance `power`, to 1e-5; null when even every row won would not do. */
export function smallestVisibleGain(rows: number, discordance: number, level: number, power: number): number | null {
  // On the scale of normal quantiles the chance is nearly a straight line in the gain, so few steps of false position find it.
  const height = (gain: number): number =>
    quantileWithin(pairedPower({ rows, gain, discordance: Math.max(discordance, gain), level })) - normalQuantile(power);
  let [low, high] = [0, 1];
  let [below, above] = [height(low), height(high)];
  if (above < 0) return null;
  if (below >= 0) return 0;
  for (let step = 0; step < 40 && high - low > 1e-5; step++) {
    const line = low - (below * (high - low)) / (above - below);
    const middle = step % 3 === 2 ? (low + high) / 2 : Math.min(high - 5e-6, Math.max(low + 5e-6, line));
    const there = height(middle);
    if (there < 0) [low, below] = [middle, there];
    else [high, above] = [middle, there];
  }
  return high;
}

const quantileWithin = (p: number): number => normalQuantile(Math.min(1 - 1e-12, Math.max(1e-12, p)));

/**
 * The least rows with which the gate sees `gain` with chance `power`, to half a percent (the exact chance rises in small saw teeth);
 * null beyond `most`. Starts from the normal approximation.
 */
export function rowsNeeded(question: Omit<PowerQuestion, "rows">, power: number, most = 10_000_000): number | null {
  const { gain, discordance, level } = question;
  if (gain <= 0) return null;
  const share = Math.min(1, Math.max(discordance, gain));
  const spread = Math.sqrt(Math.max(share - gain * gain, 1e-12));
  const guess = ((normalQuantile(1 - level) * Math.sqrt(share) + normalQuantile(power) * spread) / gain) ** 2;
  const chance = (rows: number): number => pairedPower({ ...question, rows });
  let high = Math.max(4, Math.round(guess * 1.1));
  let low = Math.floor(Math.max(4, guess * 1.1) * 0.8);
  while (chance(high) < power) {
    if (high > most) return null;
    low = high;
    high = Math.ceil(high * 1.3);
  }
  while (low > 1 && chance(low) >= power) {
    high = low;
    low = Math.floor(low * 0.7);
  }
  while (high - low > Math.max(1, high * 0.005)) {
    const middle = Math.round((low + high) / 2);
    if (chance(middle) < power) low = middle;
    else high = middle;
  }
  return high > most ? null : high;
}

/**
 * Further rows after which a test that has seen these counts decides with chance `power`, if the true gain is `gain`: what was seen so far
 * counts, for and against. Normal approximation, within 3 points of the chance from 20 discordant rows on; null beyond `most`.
 */
export function furtherRowsNeeded(
  { wins, losses }: PairedCounts,
  { gain, discordance, level }: Omit<PowerQuestion, "rows">,
  power: number,
  most: number,
): number | null {
  if (gain <= 0) return null;
  const share = Math.min(1, Math.max(discordance, gain));
  const [asked, chance] = [normalQuantile(1 - level), normalQuantile(power)];
  const decides = (rows: number): boolean =>
    wins - losses + rows * gain >=
    asked * Math.sqrt(wins + losses + rows * share) + chance * Math.sqrt(rows * Math.max(share - gain * gain, 0));
  let [low, high] = [0, 1];
  while (!decides(high)) {
    if (high >= most) return null;
    [low, high] = [high, high * 2];
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (decides(middle)) high = middle;
    else low = middle;
  }
  return high > most ? null : high;
}
