import { expect } from "vitest";
import { type ReviewClaim, RING, type WaitingOpinion } from "../../src/core/review.ts";
import { ringKey } from "../../src/store/ring-key.ts";
import type { Store, WaitingFilter } from "../../src/store/store.ts";
import { aClaim } from "./claims.ts";
import { aFeedback, anOpinion, T0 } from "./store-documents.ts";

type Scope = (name: string) => string;
const MINUTE = 60_000;

const filterOf = (specialist: string, change: Partial<WaitingFilter> = {}): WaitingFilter => ({
  specialist,
  now: T0,
  reviewer: "ann",
  skippedSince: 0,
  unseen: false,
  ...change,
});

const idsOf = (waiting: readonly WaitingOpinion[]): string[] => waiting.map(({ opinion_id }) => opinion_id).sort();
const waitingIds = async (store: Store, specialist: string, change: Partial<WaitingFilter> = {}): Promise<string[]> =>
  idsOf(await store.listWaiting(filterOf(specialist, change), 0, "up", 1_000));

async function addSome(store: Store, name: Scope, count: number): Promise<{ specialist: string; ids: string[] }> {
  const specialist = name("s");
  const ids = Array.from({ length: count }, (_, index) => name(`o${index}`));
  await store.addOpinions(ids.map((id) => anOpinion(id, { specialist_type: specialist })));
  return { specialist, ids: ids.toSorted() };
}

/** One entry a promise of the review queue; see store-suite.ts. */
export const reviewCases = {
  "waiting opinions stand on the ring by their keys, and a walk up and down from any place meets each once": async (
    store: Store,
    name: Scope,
  ) => {
    const { specialist, ids } = await addSome(store, name, 230);
    const keys = ids.map(ringKey).sort((a, b) => a - b);
    const up = await store.listWaiting(filterOf(specialist), 0, "up", 1_000);
    expect(up.map(({ key }) => key)).toEqual(keys);
    const from = keys[100] ?? 0;
    const above = await store.listWaiting(filterOf(specialist), from, "up", 1_000);
    const below = await store.listWaiting(filterOf(specialist), from, "down", 1_000);
    expect(above.map(({ key }) => key)).toEqual(keys.slice(100));
    expect(below.map(({ key }) => key)).toEqual(keys.slice(0, 100).toReversed());
    expect((await store.listWaiting(filterOf(specialist), from, "down", 3)).map(({ key }) => key)).toEqual(
      keys.slice(97, 100).toReversed(),
    );
    expect(await store.listWaiting(filterOf(specialist), RING, "up", 10)).toEqual([]);
    expect(up[0]).toMatchObject({ specialist, recommendation: "approve", confidence_score: 0.75 });
    expect(await store.countWaiting(specialist)).toBe(230);
  },

  "an opinion waits until a person judges it, and again when that is taken back, demoted or replaced by a machine's label":
    async (store: Store, name: Scope) => {
      const { specialist, ids } = await addSome(store, name, 1);
      const opinion = ids[0] ?? "";
      const judge = (id: string, change: Parameters<typeof aFeedback>[2]) =>
        store.addFeedback([aFeedback(name(id), opinion, { specialist_type: specialist, ...change })]);
      await judge("machine", { tier: "rule", reviewer: "bot" });
      expect(await waitingIds(store, specialist)).toEqual(ids);
      await judge("ann", { reviewer: "ann" });
      expect(await waitingIds(store, specialist)).toEqual([]);
      await judge("bob", { reviewer: "bob" });
      await store.retractFeedback(name("ann"), T0);
      expect(await waitingIds(store, specialist)).toEqual([]);
      await store.demoteFeedback([name("bob")], "echo");
      expect(await waitingIds(store, specialist)).toEqual(ids);
      await store.demoteFeedback([name("bob")], "informed");
      expect(await waitingIds(store, specialist)).toEqual([]);
      await judge("bob-by-rule", { reviewer: "bob", tier: "rule", submitted_at: T0 + 10 * MINUTE });
      expect(await waitingIds(store, specialist)).toEqual(ids);
      await judge("eve", { reviewer: "eve" });
      expect(await waitingIds(store, specialist)).toEqual([]);
      expect(await store.addClaim(aClaim(name("late"), opinion, { specialist }), T0)).toBe(false);
    },

  "a generated opinion is pending for nobody": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const generated = anOpinion(name("g"), { specialist_type: specialist, state: "generated", model: null });
    await store.addOpinions([generated, anOpinion(name("o"), { specialist_type: specialist })]);
    expect(await waitingIds(store, specialist)).toEqual([name("o")]);
    expect(await store.countWaiting(specialist)).toBe(1);
    expect(await store.countOpinions({ specialist, pending: true })).toBe(1);
    const { items } = await store.listOpinions({ specialist, pending: true }, { limit: 10 });
    expect(items.map(({ opinion_id }) => opinion_id)).toEqual([name("o")]);
    expect((await store.getOpinion(generated.opinion_id))?.state).toBe("generated");
    expect(await store.addClaim(aClaim(name("c"), generated.opinion_id, { specialist }), T0)).toBe(false);
  },

  "of many reviewers who take one opinion at once one gets it, and nobody else until he gives it back or his time is over":
    async (store: Store, name: Scope) => {
      const { specialist, ids } = await addSome(store, name, 1);
      const opinion = ids[0] ?? "";
      const claim = (id: string, change: Partial<ReviewClaim> = {}) =>
        aClaim(name(id), opinion, { specialist, reviewer: id, ...change });
      const many = Array.from({ length: 12 }, (_, index) => claim(`reviewer-${index}`));
      const taken = await Promise.all(many.map((one) => store.addClaim(one, T0)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      const winner = many[taken.indexOf(true)];
      expect(await store.getClaim(winner.claim_id)).toEqual(winner);
      expect(await waitingIds(store, specialist)).toEqual([]);
      expect(await store.countWaiting(specialist)).toBe(1);
      expect(await store.addClaim(claim("early"), winner.expires_at - 1)).toBe(false);

      const again = { claimed_at: winner.expires_at, expires_at: winner.expires_at + MINUTE };
      expect(await waitingIds(store, specialist, { now: winner.expires_at })).toEqual(ids);
      expect(await store.addClaim(claim("later", again), winner.expires_at)).toBe(true);
      expect(await store.putClaim({ ...winner, state: "released" }, "open")).toBe(false);
      const later = await store.getClaim(name("later"));
      expect(await store.putClaim({ ...claim("later", again), state: "released", closed_at: T0 }, "open")).toBe(true);
      expect(later?.state).toBe("open");
      expect(await store.putClaim({ ...claim("later", again), state: "released", closed_at: T0 }, "open")).toBe(false);
      expect(await store.addClaim(claim("third", again), winner.expires_at)).toBe(true);
    },

  "what a reviewer skipped is left out for him alone, and what he has seen is when he asks so": async (
    store: Store,
    name: Scope,
  ) => {
    const { specialist, ids } = await addSome(store, name, 3);
    const [first = "", second = ""] = ids;
    const skipped = aClaim(name("c"), first, { specialist });
    await store.addClaim(skipped, T0);
    await store.putClaim({ ...skipped, state: "skipped", skip_reason: "no idea", closed_at: T0 + 1 }, "open");
    await store.markSeen("ann", [second, name("absent"), second], T0);
    await store.markSeen("ann", [second], T0 + 5);
    expect([await store.hasSeen("ann", second), await store.hasSeen("ann", first), await store.hasSeen("bob", second)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(await waitingIds(store, specialist)).toEqual(ids.slice(1));
    expect(await waitingIds(store, specialist, { unseen: true })).toEqual(ids.slice(2));
    expect(await waitingIds(store, specialist, { skippedSince: T0 + 2 })).toEqual(ids);
    expect(await waitingIds(store, specialist, { reviewer: "bob", unseen: true })).toEqual(ids);
    await store.markSeen("ann", [], T0);
  },

  "a claim and its judgement are stored together, once": async (store: Store, name: Scope) => {
    const { specialist, ids } = await addSome(store, name, 1);
    const open = aClaim(name("c"), ids[0] ?? "", { specialist });
    await store.addClaim(open, T0);
    const submitted: ReviewClaim = { ...open, state: "submitted", closed_at: T0 + 2, feedback_id: name("f") };
    const change = { specialist_type: specialist, reviewer: "ann", tier: "blind" } as const;
    const unknown = aFeedback(name("x"), name("absent"), change);
    expect(await store.submitClaim(submitted, "open", unknown)).toMatchObject({ outcome: "opinion_not_found" });
    expect(await store.getClaim(open.claim_id)).toEqual(open);
    const feedback = aFeedback(name("f"), open.opinion_id, change);
    expect(await store.submitClaim(submitted, "open", feedback)).toMatchObject({ outcome: "added", feedback_id: name("f") });
    expect(await store.getClaim(open.claim_id)).toEqual(submitted);
    expect(await store.submitClaim(submitted, "open", feedback)).toBeNull();
    expect((await store.listFeedback({ opinionId: open.opinion_id }, { limit: 10 })).items).toHaveLength(1);
    expect(await waitingIds(store, specialist)).toEqual([]);
    expect(await store.submitClaim({ ...submitted, claim_id: name("absent") }, "open", feedback)).toBeNull();
  },

  "claims are listed newest first by reviewer, specialist, opinion, state and time": async (store: Store, name: Scope) => {
    const { specialist, ids } = await addSome(store, name, 4);
    const reviewer = name("ann");
    for (const [index, id] of ids.entries())
      await store.addClaim(aClaim(name(`c${index}`), id, { specialist, reviewer, claimed_at: T0 + index }), T0);
    const first = await store.listClaims({ reviewer }, { limit: 3 });
    const rest = await store.listClaims({ reviewer }, { limit: 3, cursor: first.next ?? "" });
    expect([...first.items, ...rest.items].map(({ claim_id }) => claim_id)).toEqual(
      [3, 2, 1, 0].map((index) => name(`c${index}`)),
    );
    expect(rest.next).toBeNull();
    const count = async (filter: Parameters<Store["listClaims"]>[0]) =>
      (await store.listClaims(filter, { limit: 10 })).items.length;
    expect(await count({ specialist, state: "open" })).toBe(4);
    expect(await count({ specialist, state: "submitted" })).toBe(0);
    expect(await count({ opinionId: ids[2] })).toBe(1);
    expect(await count({ reviewer, claimedFrom: T0 + 2 })).toBe(2);
    expect(await store.getClaim(name("absent"))).toBeNull();
  },

  "decisionsOn names every specialist's word on the plans": async (store: Store, name: Scope) => {
    const plan_id = name("plan");
    await store.addOpinions([
      anOpinion(name("a"), { plan_id, specialist_type: "business" }),
      anOpinion(name("b"), { plan_id, specialist_type: "technical" }),
      anOpinion(name("c")),
    ]);
    const said = await store.decisionsOn([plan_id, name("absent")]);
    expect(said.map(({ specialist }) => specialist).sort()).toEqual(["business", "technical"]);
    expect(said[0]).toMatchObject({ plan_id, recommendation: "approve" });
  },
};
