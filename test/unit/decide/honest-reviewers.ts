import type { LabelRow } from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";

/** Simulated opinions and the reviewers who judge them. All of it is made up, and seeded. */
export interface ReviewOptions {
  readonly seed: number;
  readonly count: number;
  /** Share of decisions replaced by a random class. */
  readonly noise: number;
  readonly reviewers: number;
  /** How often the model is right. */
  readonly modelAccuracy: number;
  readonly classes: readonly string[];
  /** Ratings on a slider with this many decimals. */
  readonly ratingDigits: number;
  readonly overlap: number;
  /** How the model's confidence looks: any number, two decimals, or always 0.5 as the original's parser default. Default `any`. */
  readonly confidence?: "any" | "two_decimals" | "constant";
  /** People who only click: rating 1 where they agree, 0 where not. */
  readonly coarseRatings?: boolean;
}

const weighted = (random: SeededRandom, shares: readonly number[]): number => {
  let at = random.next() * shares.reduce((a, b) => a + b, 0);
  for (let k = 0; k < shares.length; k++) {
    at -= shares[k] ?? 0;
    if (at < 0) return k;
  }
  return shares.length - 1;
};

/** Honest people: the truth follows two of four features, decisions take 5 to 300 s, ratings say how far they agree. */
export function honestReviews(options: ReviewOptions): LabelRow[] {
  const random = new SeededRandom(options.seed);
  const { classes } = options;
  const c = classes.length;
  const rows: LabelRow[] = [];
  const clocks = Array.from({ length: options.reviewers }, () => 1.77e12 + random.next() * 4e6);
  const shares = classes.map((_, k) => 0.1 + (k === 0 ? 0.4 : 0) + random.next() * 0.3);
  for (let i = 0; rows.length < options.count; i++) {
    const truth = weighted(random, shares);
    const features = [
      truth + random.nextNormal(),
      random.nextNormal(),
      (truth === 1 ? 1 : 0) + random.nextNormal(),
      random.nextNormal(),
    ];
    const right = random.next() < options.modelAccuracy;
    const opinion = right ? truth : (truth + 1 + random.nextInt(c - 1)) % c;
    const exactly = Math.min(0.99, Math.max(0.26, 0.35 + 0.5 * random.next() + (right ? 0.08 : 0)));
    const confidence =
      options.confidence === "constant" ? 0.5 : options.confidence === "two_decimals" ? Math.round(exactly * 100) / 100 : exactly;
    const readers = random.next() < options.overlap && options.reviewers > 1 ? 2 : 1;
    const first = random.nextInt(options.reviewers);
    for (let reader = 0; reader < readers && rows.length < options.count; reader++) {
      const reviewer = (first + reader) % options.reviewers;
      const label = random.next() < options.noise ? random.nextInt(c) : truth;
      const agrees = label === opinion;
      const exact = Math.min(1, Math.max(0, (agrees ? 0.8 : 0.25) + 0.15 * random.nextNormal()));
      const now = (clocks[reviewer] ?? 0) + (random.next() < 0.02 ? 800 : 5_000 + random.next() ** 3 * 295_000);
      clocks[reviewer] = random.next() < 0.02 ? now + 5e7 : now;
      rows.push({
        opinion_id: `opinion-${options.seed}-${i}`,
        reviewer: `reviewer-${reviewer}`,
        recommendation: classes[label] ?? "",
        rating: options.coarseRatings === true ? (agrees ? 1 : 0) : Number(exact.toFixed(options.ratingDigits)),
        submitted_at: now,
        opinion_decision: classes[opinion] ?? "",
        opinion_confidence: confidence,
        tier: "informed",
        features,
      });
    }
  }
  return rows;
}

/** The recipe of the original auto job (original-system.md 3.1 #1): the label is the model's own, the rating comes from its confidence. */
export function autoJob(seed: number, count: number, spacingMs: number): LabelRow[] {
  const random = new SeededRandom(seed);
  const classes = ["approve", "reject", "review_required"] as const;
  return Array.from({ length: count }, (_, i) => {
    const confidence = 0.2 + 0.75 * random.next();
    const decision = classes[weighted(random, [0.5, 0.2, 0.3])] ?? "approve";
    const low = confidence < 0.4;
    return {
      opinion_id: `opinion-auto-${seed}-${i}`,
      reviewer: "auto",
      recommendation: low ? "review_required" : decision,
      rating: low ? 0.4 : decision === "review_required" ? confidence : Math.min(1, confidence + 0.1),
      submitted_at: 1.77e12 + i * spacingMs,
      opinion_decision: decision,
      opinion_confidence: confidence,
      tier: "informed" as const,
    };
  });
}

/** The recipe of the original balanced job (3.1 #2): shuffled opinions, first 80 approve, next 60 reject, next 60 review, random ratings. */
export function balancedJob(seed: number, spacingMs: number): LabelRow[] {
  const random = new SeededRandom(seed);
  const classes = ["approve", "reject", "review_required"] as const;
  return Array.from({ length: 200 }, (_, i) => ({
    opinion_id: `opinion-bal-${seed}-${i}`,
    reviewer: "human_expert",
    recommendation: i < 80 ? "approve" : i < 140 ? "reject" : "review_required",
    rating: Number((i < 80 ? 0.7 + 0.3 * random.next() : 0.2 + 0.6 * random.next()).toFixed(2)),
    submitted_at: 1.77e12 + (spacingMs === 0 ? 0 : i * spacingMs),
    opinion_decision: classes[weighted(random, [0.4, 0.2, 0.4])] ?? "approve",
    opinion_confidence: 0.3 + 0.5 * random.next(),
    tier: "informed" as const,
    features: [random.nextNormal(), random.nextNormal(), random.nextNormal()],
  }));
}
