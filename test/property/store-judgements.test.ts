import fc from "fast-check";
import { expect, test } from "vitest";
import { isHuman, TIER_NAMES, type Tier } from "../../src/core/evidence.ts";
import { openSqliteStore, type Store } from "../../src/store/index.ts";
import { compact, restore } from "../../src/store/sqlite/compact.ts";
import { aFeedback, anOpinion, T0 } from "../conformance/store-documents.ts";

const OPINIONS = ["o0", "o1", "o2"];
const REVIEWERS = ["ann", "bob"];

type Step =
  | {
      readonly kind: "add";
      readonly opinion: string;
      readonly reviewer: string;
      readonly decision: string;
      readonly at: number;
      readonly tier: Tier;
    }
  | { readonly kind: "retract" | "demote"; readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      opinion: fc.constantFrom(...OPINIONS),
      reviewer: fc.constantFrom(...REVIEWERS),
      decision: fc.constantFrom("approve", "reject"),
      at: fc.integer({ min: 0, max: 5 }),
      tier: fc.constantFrom<Tier>("blind", "rule"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("retract" as const, "demote" as const), pick: fc.nat(20) }) },
);

interface Known {
  readonly id: string;
  readonly opinion: string;
  readonly reviewer: string;
  readonly decision: string;
  readonly at: number;
  readonly arrival: Tier;
  tier: Tier;
  retracted: boolean;
}

/** The rule in its plainest form: of what a reviewer ever said of an opinion the newest counts, unless it was taken back. */
class PlainStore {
  readonly known: Known[] = [];

  newest(opinion: string, reviewer: string): Known | undefined {
    const said = this.known.filter((item) => item.opinion === opinion && item.reviewer === reviewer);
    return said.reduce<Known | undefined>((best, item) => (best === undefined || item.at >= best.at ? item : best), undefined);
  }

  current(): Known[] {
    const heads = OPINIONS.flatMap((opinion) => REVIEWERS.map((reviewer) => this.newest(opinion, reviewer)));
    return heads.filter((head): head is Known => head !== undefined && !head.retracted);
  }
}

async function apply(store: Store, plain: PlainStore, one: Step, id: string): Promise<void> {
  if (one.kind === "add") {
    const head = plain.newest(one.opinion, one.reviewer);
    const same = head !== undefined && !head.retracted && head.decision === one.decision && head.arrival === one.tier;
    const [answer] = await store.addFeedback([
      aFeedback(id, one.opinion, {
        reviewer: one.reviewer,
        human_recommendation: one.decision,
        submitted_at: T0 + one.at,
        tier: one.tier,
      }),
    ]);
    expect(answer.outcome === "same").toBe(same);
    if (!same) plain.known.push({ ...one, id, arrival: one.tier, retracted: false });
    return;
  }
  const target = plain.current()[one.pick];
  if (target === undefined) return;
  if (one.kind === "retract") {
    await store.retractFeedback(target.id, T0);
    target.retracted = true;
  } else {
    expect(await store.demoteFeedback([target.id], "echo")).toBe(target.tier === "echo" ? 0 : 1);
    target.tier = "echo";
  }
}

test("after any sequence of arrivals, retractions and demotions the store counts and streams what the plain rule says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const store = await openSqliteStore(":memory:", { now: () => T0 });
      try {
        const plain = new PlainStore();
        await store.addOpinions(OPINIONS.map((id) => anOpinion(id)));
        for (const [index, one] of steps.entries()) await apply(store, plain, one, `f${index}`);

        const current = plain.current();
        const streamed: string[] = [];
        for await (const batch of store.streamLabels("business", {})) streamed.push(...batch.map((row) => row.feedback_id));
        expect(streamed.toSorted()).toEqual(current.map((item) => item.id).toSorted());

        const counts = await store.countLabels("business", { afterSequence: 0, gateTiers: ["blind"], featureSchema: "mail/1" });
        expect(counts.by_tier).toEqual(
          Object.fromEntries(TIER_NAMES.map((tier) => [tier, current.filter((item) => item.tier === tier).length])),
        );
        const opinionsWith = (wanted: (item: Known) => boolean) =>
          new Set(current.filter(wanted).map((item) => item.opinion)).size;
        expect(counts.human).toBe(opinionsWith((item) => isHuman(item.tier)));
        expect(counts.human + counts.machine).toBe(opinionsWith(() => true));
        expect(counts.new_gate).toBe(opinionsWith((item) => item.tier === "blind"));
      } finally {
        await store.close();
      }
    }),
    { numRuns: 150 },
  );
});

test("restore(compact(x)) = x, also when a value equals the usual one of another member", () => {
  const usual = { a: null, b: "", c: [], d: {}, e: "3.0.0" } as const;
  const value = fc.oneof(
    fc.constantFrom(null, "", "3.0.0", 0, false),
    fc.array(fc.nat(), { maxLength: 1 }),
    fc.dictionary(fc.string(), fc.nat(), { maxKeys: 1 }),
  );
  fc.assert(
    fc.property(fc.record({ a: value, b: value, c: value, d: value, e: value, f: value }), (document) => {
      const stored: unknown = JSON.parse(JSON.stringify(compact(document, usual)));
      expect(restore(stored as Record<string, unknown>, usual)).toEqual(JSON.parse(JSON.stringify(document)));
    }),
  );
});
