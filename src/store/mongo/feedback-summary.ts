import type { Filter } from "mongodb";
import type { FeedbackSummary } from "../feedback-summary.ts";
import type { Store } from "../store.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import type { DocumentReader } from "./originals.ts";
import { currentOf } from "./said.ts";
import { saidByOpinion } from "./said-by-opinion.ts";

/**
 * Read opinion by opinion, since which of the original system's documents is current no server can say. Memory holds one batch; cost: all
 * judgements of the specialist, of ours only what is summed.
 */
export const summaryMethods = (connection: MongoConnection, reader: DocumentReader): Pick<Store, "summarizeFeedback"> => ({
  async summarizeFeedback({ specialist: wanted, submittedFrom = Number.NEGATIVE_INFINITY }) {
    const sums = new Map<string, { -readonly [K in keyof FeedbackSummary]: FeedbackSummary[K] }>();
    // other writers left the specialist out, which the opinion knows
    const named: Filter<Stored> =
      wanted === undefined ? {} : { $or: [{ specialist_type: wanted }, { specialist_type: { $exists: false } }] };
    for await (const said of saidByOpinion(connection, reader, named)) {
      for (const { feedback } of currentOf(said)) {
        const { specialist_type: specialist, human_recommendation: recommendation, human_rating: rating } = feedback;
        if (feedback.submitted_at < submittedFrom || (wanted !== undefined && specialist !== wanted)) continue;
        const key = JSON.stringify([specialist, recommendation]);
        const empty = { count: 0, rated: 0, rating_sum: 0, rating_min: null, rating_max: null };
        const sum = sums.get(key) ?? { specialist, recommendation, ...empty };
        sums.set(key, sum);
        sum.count += 1;
        if (rating === null) continue;
        sum.rated += 1;
        sum.rating_sum += rating;
        sum.rating_min = Math.min(sum.rating_min ?? rating, rating);
        sum.rating_max = Math.max(sum.rating_max ?? rating, rating);
      }
    }
    return [...sums.values()].sort(byName);
  },
});

const byName = (a: FeedbackSummary, b: FeedbackSummary): number =>
  a.specialist === b.specialist ? compare(a.recommendation, b.recommendation) : compare(a.specialist, b.specialist);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
