import { RequeenError } from "../core/errors.ts";
import type { Feedback } from "../core/feedback.ts";
import type { Opinion } from "../core/opinion.ts";
import type { House } from "../loop/house.ts";
import { placeJudgement, sameFeedback, sameOpinion } from "../store/judgements.ts";
import { MAX_PAGE } from "../store/page.ts";
import type { FeedbackOutcome, Store } from "../store/store.ts";

/**
 * A house in which everything is read and checked as always and nothing is written: for `--dry-run` of a use case that has none itself.
 * What a refusal depends on (aliases, tombstones, verdicts, leases of others) is read for real.
 */
export function rehearse(house: House): House {
  const writes: Pick<Store, "addOpinions" | "addFeedback"> = {
    addOpinions: async (opinions) => {
      const stored = await house.store.getOpinions(opinions.map(({ opinion_id }) => opinion_id));
      return opinions.map((opinion, index) => outcomeOf(stored[index] ?? null, opinion));
    },
    addFeedback: (feedback) => Promise.all(feedback.map((one) => rehearseFeedback(house.store, one))),
  };
  const store: Partial<Store> = {
    ...writes,
    openBulkWriter: () => ({ ...writes, [Symbol.asyncDispose]: async () => undefined }),
    addClaim: async () => true,
    putClaim: async () => true,
    submitClaim: (_claim, _from, feedback) => rehearseFeedback(house.store, feedback),
    retractFeedback: async (feedbackId) => {
      const stored = await house.store.getFeedback(feedbackId);
      if (stored === null) throw new RequeenError("feedback_not_found", `no feedback has the id ${feedbackId}`);
      return { ...stored, state: "retracted" };
    },
    markSeen: nothing,
    addQuarantine: nothing,
    setQuarantineState: nothing,
    addDeployment: nothing,
    putDeployment: nothing,
    appendAudit: async () => [],
    acquireLease: async (name, owner) => {
      const lease = await house.store.getLease(name);
      return lease === null || lease.owner === owner || lease.expires_at <= house.leaseNow() ? { fence: 0 } : null;
    },
    renewLease: async () => true,
    releaseLease: nothing,
  };
  const registry: Partial<House["registry"]> = {
    setModelVersionTag: nothing,
    setAlias: nothing,
    deleteAlias: nothing,
    transitionStage: (name, version) => house.registry.getModelVersion(name, version),
  };
  return { ...house, store: over(house.store, store), registry: over(house.registry, registry), log: () => undefined };
}

const outcomeOf = (stored: Opinion | null, opinion: Opinion): "added" | "same" | "conflict" =>
  stored === null ? "added" : sameOpinion(stored, opinion) ? "same" : "conflict";

/** What the store would answer. Judgements that stand in the same input are not seen. */
async function rehearseFeedback(store: Store, feedback: Feedback): Promise<FeedbackOutcome> {
  const { feedback_id, opinion_id } = feedback;
  const [opinion, present, earlier] = await Promise.all([
    store.getOpinion(opinion_id),
    store.getFeedback(feedback_id),
    store.listFeedback({ opinionId: opinion_id, reviewer: feedback.evidence.reviewer }, { limit: MAX_PAGE }),
  ]);
  if (opinion === null) return { outcome: "opinion_not_found", feedback_id, replaced: null };
  if (present !== null) {
    const { state: _state, sequence: _sequence, recorded_at: _at, ...stored } = present;
    return sameFeedback(stored, feedback)
      ? { outcome: "same", feedback_id, replaced: null }
      : { outcome: "conflict", feedback_id, replaced: null };
  }
  const head = earlier.items.sort((a, b) => b.submitted_at - a.submitted_at || b.sequence - a.sequence)[0];
  const current = head?.state === "current";
  const outcome = placeJudgement(head === undefined ? null : { feedback: head, current }, feedback);
  return { outcome, feedback_id, replaced: outcome === "added" && head !== undefined && current ? head.feedback_id : null };
}

const nothing = async (): Promise<void> => undefined;

/** The same object with some methods in place of its own. */
const over = <T extends object>(target: T, replaced: Partial<T>): T =>
  new Proxy(target, {
    get: (inside, key) => {
      const value: unknown = Reflect.get(Object.hasOwn(replaced, key) ? replaced : inside, key);
      return typeof value === "function" ? value.bind(inside) : value;
    },
  });
