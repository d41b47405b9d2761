import { RequeenError } from "../core/errors.ts";
import { betaQuantile } from "./special-functions.ts";

/** A source of labels that no person decided: a tier, or one program of it. */
export interface MachineSource {
  readonly name: string;
  /** Its rows that may train. */
  readonly rows: number;
}

/** Weight of a row of each machine source; a human row has weight 1. 0 = the source is left out. */
export type SourceWeights = Readonly<Record<string, number>>;

export interface WeightChoice {
  readonly weights: SourceWeights;
  /** Cross-validated log loss on human rows with these weights, and without any machine row. */
  readonly logLoss: number;
  readonly humanOnlyLogLoss: number;
  /** Everything that was tried, in order. */
  readonly tried: readonly { readonly weights: SourceWeights; readonly logLoss: number }[];
}

/**
 * Trains with the weights and scores by cross-validation. @returns float64 [human rows]: log loss of each human row, scored by a model that did
 * not train on its group. The folds must be the same in every call.
 */
export type ScoreWeights = (weights: SourceWeights) => Float64Array | Promise<Float64Array>;

/** Weights tried for each source, as shares of its cap. */
const SHARES = [0, 0.1, 0.3, 1] as const;
/** A machine weight is kept only if it lowers the mean log loss by more than this many standard errors of the paired difference. */
const KEPT_FROM_ERRORS = 0.5;

/**
 * Chooses each machine source's weight by log loss on human rows; zero is always a candidate and the answer unless another is better. A source
 * weighs in total at most as much as all human rows. Coordinate descent: sources by size, at most two rounds, so 3 x sources x 2 trainings + 1.
 * Source: decision-methods.md 2.3 (no fixed weight is safe; zero must be allowed).
 * @throws bad_parameter without human rows; bad_data when the scores change their length or are no numbers.
 */
export async function chooseSourceWeights(
  humanRows: number,
  sources: readonly MachineSource[],
  score: ScoreWeights,
): Promise<WeightChoice> {
  if (!(humanRows > 0))
    throw new RequeenError("bad_parameter", `humanRows of chooseSourceWeights must be positive; got ${humanRows}`);
  const usable = sources.filter((source) => source.rows > 0).sort((a, b) => b.rows - a.rows || (a.name < b.name ? -1 : 1));
  const tried: { weights: SourceWeights; logLoss: number }[] = [];
  const known = new Map<string, Float64Array>();
  const scoreOf = async (weights: SourceWeights): Promise<Float64Array> => {
    const key = JSON.stringify(sources.map(({ name }) => weights[name] ?? 0));
    const before = known.get(key);
    if (before !== undefined) return before;
    const losses = await score(weights);
    if (losses.length !== humanRows || losses.some((loss) => !Number.isFinite(loss))) {
      throw new RequeenError(
        "bad_data",
        `scores of source weights must be ${humanRows} finite numbers; got ${losses.length} with mean ${mean(losses)}`,
      );
    }
    known.set(key, losses);
    tried.push({ weights, logLoss: mean(losses) });
    return losses;
  };
  const none: SourceWeights = Object.fromEntries(sources.map(({ name }) => [name, 0]));
  const humanOnly = await scoreOf(none);
  let best = { weights: none, losses: humanOnly };
  for (let round = 0; round < 2; round++) {
    const before = best.weights;
    for (const source of usable) {
      const cap = Math.min(1, humanRows / source.rows / usable.length);
      for (const share of SHARES) {
        const weights = { ...best.weights, [source.name]: cap * share };
        const losses = await scoreOf(weights);
        const simpler = weights[source.name] === 0;
        const gain = pairedGain(best.losses, losses);
        if (simpler ? gain.mean >= 0 : gain.mean > KEPT_FROM_ERRORS * gain.error && gain.mean > 0) best = { weights, losses };
      }
    }
    if (before === best.weights) break;
  }
  return { weights: best.weights, logLoss: mean(best.losses), humanOnlyLogLoss: mean(humanOnly), tried };
}

/** Mean fall of the loss from `before` to `after`, and its standard error over rows. */
function pairedGain(before: Float64Array, after: Float64Array): { mean: number; error: number } {
  const n = before.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (before[i] ?? 0) - (after[i] ?? 0);
  const gain = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((before[i] ?? 0) - (after[i] ?? 0) - gain) ** 2;
  return { mean: gain, error: n < 2 ? Infinity : Math.sqrt(squares / (n - 1) / n) };
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

export interface SourceError {
  readonly source: string;
  /** Opinions with a label of the source and one of a person. */
  readonly overlap: number;
  readonly wrong: number;
  /** Share of wrong labels and its 95 % interval (Jeffreys); null without overlap. */
  readonly error: { readonly value: number; readonly low: number; readonly high: number } | null;
}

/** Each source's error, measured where a person labelled the same opinion. @param pairs one entry per opinion labelled by both. */
export function sourceErrors(
  sources: readonly string[],
  pairs: readonly { readonly source: string; readonly machineLabel: number; readonly humanLabel: number }[],
): SourceError[] {
  return sources.map((source) => {
    const own = pairs.filter((pair) => pair.source === source);
    const wrong = own.filter((pair) => pair.machineLabel !== pair.humanLabel).length;
    const [a, b] = [wrong + 0.5, own.length - wrong + 0.5];
    const error =
      own.length === 0
        ? null
        : {
            value: wrong / own.length,
            low: wrong === 0 ? 0 : betaQuantile(0.025, a, b),
            high: wrong === own.length ? 1 : betaQuantile(0.975, a, b),
          };
    return { source, overlap: own.length, wrong, error };
  });
}
