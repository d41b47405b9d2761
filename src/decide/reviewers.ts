import { RequeenError } from "../core/errors.ts";

/** One reviewer's label of one opinion. Items and reviewers are numbered from 0. */
export interface Judgements {
  /** uint32 [m] each: judgement j is reviewer[j]'s label[j] of item[j]. One reviewer judges an item at most once. */
  readonly item: Uint32Array;
  readonly reviewer: Uint32Array;
  readonly label: Uint8Array;
  readonly itemCount: number;
  readonly reviewerCount: number;
  readonly classCount: number;
}

export interface JoinedLabels {
  /** float64 [items x classes]: what the reviewers of an item say together; rows sum to 1, all 0 for an item without judgement. */
  readonly probabilities: Float64Array;
  /** uint8 [items]: the likeliest class, the lowest of equals. */
  readonly label: Uint8Array;
  /** uint8 [items]: 1 where two or more classes are equally likely: nobody can say which label is right. */
  readonly disputed: Uint8Array;
  readonly method: "votes" | "dawid_skene";
  /** float64 [reviewers]: chance that the reviewer names an item's joined label; NaN without judgement. */
  readonly reviewerAccuracy: Float64Array;
  /** Krippendorff's alpha: 1 = agreement, 0 = what chance gives; null without two judgements of any item or with a single label. */
  readonly alpha: number | null;
}

/** Judgements per item on average, over items with at least two, from which reviewers' reliability can be estimated. */
const DAWID_SKENE_FROM = 3;

/**
 * One row per opinion from several reviewers. With three or more judgements per repeated item the reviewers' confusion is estimated (Dawid and
 * Skene) and good reviewers count more; else the votes' shares are the soft label.
 * @throws bad_data for indices out of range.
 */
export function joinReviewers(judgements: Judgements): JoinedLabels {
  check(judgements);
  const { item, reviewer, label, itemCount, reviewerCount, classCount } = judgements;
  const votes = voteShares(judgements);
  const perItem = new Uint32Array(itemCount);
  for (const index of item) perItem[index] = (perItem[index] ?? 0) + 1;
  let repeated = 0;
  let judgementsOfRepeated = 0;
  for (const count of perItem) {
    if (count < 2) continue;
    repeated++;
    judgementsOfRepeated += count;
  }
  const modelled = repeated > 0 && judgementsOfRepeated / repeated >= DAWID_SKENE_FROM;
  const probabilities = modelled ? dawidSkene(judgements).probabilities : votes;
  const joined = new Uint8Array(itemCount);
  const disputed = new Uint8Array(itemCount);
  for (let i = 0; i < itemCount; i++) {
    let best = 0;
    for (let k = 1; k < classCount; k++) {
      if ((probabilities[i * classCount + k] ?? 0) > (probabilities[i * classCount + best] ?? 0) + 1e-9) best = k;
    }
    joined[i] = best;
    for (let k = best + 1; k < classCount; k++) {
      const tied = Math.abs((probabilities[i * classCount + k] ?? 0) - (probabilities[i * classCount + best] ?? 0)) <= 1e-9;
      if (tied && (perItem[i] ?? 0) > 0) disputed[i] = 1;
    }
  }
  const right = new Float64Array(reviewerCount);
  const total = new Float64Array(reviewerCount);
  for (let j = 0; j < item.length; j++) {
    const who = reviewer[j] ?? 0;
    right[who] = (right[who] ?? 0) + (probabilities[(item[j] ?? 0) * classCount + (label[j] ?? 0)] ?? 0);
    total[who] = (total[who] ?? 0) + 1;
  }
  return {
    probabilities,
    label: joined,
    disputed,
    method: modelled ? "dawid_skene" : "votes",
    reviewerAccuracy: right.map((hits, who) => hits / (total[who] ?? 0)),
    alpha: krippendorffAlpha(judgements),
  };
}

/** float64 [items x classes]: shares of the votes. */
function voteShares({ item, label, itemCount, classCount }: Judgements): Float64Array {
  const votes = new Float64Array(itemCount * classCount);
  const totals = new Float64Array(itemCount);
  for (let j = 0; j < item.length; j++) {
    const at = (item[j] ?? 0) * classCount + (label[j] ?? 0);
    votes[at] = (votes[at] ?? 0) + 1;
    totals[item[j] ?? 0] = (totals[item[j] ?? 0] ?? 0) + 1;
  }
  return votes.map((count, at) => count / Math.max(1, totals[Math.floor(at / classCount)] ?? 1));
}

export interface DawidSkene {
  /** float64 [items x classes]. */
  readonly probabilities: Float64Array;
  /** float64 [reviewers x classes x classes]: P(reviewer says second | truth is first). */
  readonly confusion: Float64Array;
  /** float64 [classes]: class shares. */
  readonly shares: Float64Array;
  readonly rounds: number;
}

/**
 * Expectation maximisation of the reviewers' confusion matrices and the true labels, started from the votes. One pseudo-judgement, spread in
 * proportion to a reviewer who is right in 70 % of cases, keeps rare reviewers and empty cells from certainty.
 * Cost: rounds x (judgements x classes). Source: Dawid and Skene 1979.
 */
export function dawidSkene(judgements: Judgements, mostRounds = 200): DawidSkene {
  const { item, reviewer, label, itemCount, reviewerCount, classCount } = judgements;
  const c = classCount;
  let probabilities = voteShares(judgements);
  const confusion = new Float64Array(reviewerCount * c * c);
  const shares = new Float64Array(c);
  const judged = new Uint8Array(itemCount);
  for (const index of item) judged[index] = 1;
  let rounds = 0;
  while (rounds < mostRounds) {
    rounds++;
    shares.fill(1 / c);
    for (let i = 0; i < itemCount; i++) {
      if (judged[i] === 1) for (let k = 0; k < c; k++) shares[k] = (shares[k] ?? 0) + (probabilities[i * c + k] ?? 0);
    }
    normalise(shares, 0, c);
    for (let at = 0; at < confusion.length; at++) {
      const [truth, said] = [Math.floor(at / c) % c, at % c];
      confusion[at] = truth === said ? 0.7 : 0.3 / (c - 1);
    }
    for (let j = 0; j < item.length; j++) {
      const row = (reviewer[j] ?? 0) * c * c + (label[j] ?? 0);
      for (let k = 0; k < c; k++)
        confusion[row + k * c] = (confusion[row + k * c] ?? 0) + (probabilities[(item[j] ?? 0) * c + k] ?? 0);
    }
    for (let start = 0; start < confusion.length; start += c) normalise(confusion, start, c);
    const logs = new Float64Array(itemCount * c);
    for (let at = 0; at < logs.length; at++) logs[at] = Math.log(shares[at % c] ?? 1);
    for (let j = 0; j < item.length; j++) {
      const row = (reviewer[j] ?? 0) * c * c + (label[j] ?? 0);
      for (let k = 0; k < c; k++) {
        const at = (item[j] ?? 0) * c + k;
        logs[at] = (logs[at] ?? 0) + Math.log(confusion[row + k * c] ?? 1);
      }
    }
    let moved = 0;
    const next = new Float64Array(itemCount * c);
    for (let i = 0; i < itemCount; i++) {
      if (judged[i] !== 1) continue;
      const own = logs.subarray(i * c, i * c + c);
      const most = Math.max(...own);
      for (let k = 0; k < c; k++) next[i * c + k] = Math.exp((own[k] ?? 0) - most);
      normalise(next, i * c, c);
      for (let k = 0; k < c; k++) moved = Math.max(moved, Math.abs((next[i * c + k] ?? 0) - (probabilities[i * c + k] ?? 0)));
    }
    probabilities = next;
    if (moved < 1e-8) break;
  }
  return { probabilities, confusion, shares, rounds };
}

function normalise(values: Float64Array, start: number, count: number): void {
  let sum = 0;
  for (let at = start; at < start + count; at++) sum += values[at] ?? 0;
  for (let at = start; at < start + count; at++) values[at] = (values[at] ?? 0) / sum;
}

/**
 * Krippendorff's alpha for nominal labels: 1 - observed / expected disagreement over the coincidences of judgements of one item.
 * @returns null when no item has two judgements, or all of those judgements are one label. Source: Krippendorff 2011.
 */
export function krippendorffAlpha({ item, label, itemCount, classCount }: Judgements): number | null {
  const counts = new Float64Array(itemCount * classCount);
  for (let j = 0; j < item.length; j++) {
    const at = (item[j] ?? 0) * classCount + (label[j] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const totals = new Float64Array(classCount);
  let pairable = 0;
  let agreeing = 0;
  for (let i = 0; i < itemCount; i++) {
    const own = counts.subarray(i * classCount, (i + 1) * classCount);
    const n = own.reduce((sum, count) => sum + count, 0);
    if (n < 2) continue;
    pairable += n;
    own.forEach((count, k) => {
      totals[k] = (totals[k] ?? 0) + count;
      agreeing += (count * (count - 1)) / (n - 1);
    });
  }
  if (pairable < 2) return null;
  let expected = 0;
  for (const total of totals) expected += total * (pairable - total);
  if (expected === 0) return null;
  return 1 - ((pairable - agreeing) * (pairable - 1)) / expected;
}

function check({ item, reviewer, label, itemCount, reviewerCount, classCount }: Judgements): void {
  if (reviewer.length !== item.length || label.length !== item.length) {
    throw new RequeenError(
      "bad_data",
      `judgements need as many reviewers and labels as items, ${item.length}; got ${reviewer.length} and ${label.length}`,
    );
  }
  const checks = [
    { name: "item", values: item, below: itemCount },
    { name: "reviewer", values: reviewer, below: reviewerCount },
    { name: "label", values: label, below: classCount },
  ];
  for (const { name, values, below } of checks) {
    for (let j = 0; j < values.length; j++) {
      if ((values[j] ?? below) >= below)
        throw new RequeenError("bad_data", `${name} of judgement ${j} must be below ${below}; got ${values[j]}`);
    }
  }
}
