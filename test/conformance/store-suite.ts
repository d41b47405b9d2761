import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Tier } from "../../src/core/evidence.ts";
import { headOf } from "../../src/core/opinion.ts";
import { tokenSchema } from "../../src/core/token.ts";
import type { VerdictRecord } from "../../src/core/verdict-record.ts";
import { AUDIT_GENESIS, verifyAuditChain } from "../../src/store/audit-chain.ts";
import type { CountOptions, LabelRow, Listed, Page, Store } from "../../src/store/store.ts";
import { reviewCases } from "./review-suite.ts";
import {
  aDataset,
  aDeployment,
  aFeedback,
  anAuditEntry,
  anOpinion,
  aQuarantineEntry,
  aRun,
  aToken,
  isValid,
  T0,
} from "./store-documents.ts";

/** Makes names that no other case uses, so that one open store can serve all cases of a backend. */
type Scope = (name: string) => string;

const everything: CountOptions = { afterSequence: 0, gateTiers: ["blind", "informed"], featureSchema: "mail/1" };

async function allPages<T>(list: (page: Page) => Promise<Listed<T>>, limit: number): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ limit, cursor });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}

async function labelsOf(
  store: Store,
  specialist: string,
  filter: Parameters<Store["streamLabels"]>[1] = {},
): Promise<LabelRow[]> {
  const rows: LabelRow[] = [];
  for await (const batch of store.streamLabels(specialist, filter)) rows.push(...batch);
  return rows;
}

const failsWith = (code: string) => expect.objectContaining({ code });

const cases = {
  ...reviewCases,
  "judgements are summed by specialist and decision, current ones only": async (store: Store, name: Scope) => {
    const [toy, other] = [name("toy"), name("other")];
    const opinions = [0, 1, 2, 3].map((n) => anOpinion(name(`o${n}`), { specialist_type: n === 3 ? other : toy }));
    await store.addOpinions(opinions);
    const feedback = (n: number, human_recommendation: string, human_rating: number | null, submitted_at: number) =>
      aFeedback(name(`f${n}-${submitted_at}`), name(`o${n}`), {
        specialist_type: n === 3 ? other : toy,
        human_recommendation,
        human_rating,
        submitted_at,
      });
    await store.addFeedback([
      feedback(0, "approve", 0.25, T0),
      feedback(0, "reject", 0.5, T0 + 1), // takes the place of the first
      feedback(1, "reject", null, T0 + 2),
      feedback(2, "approve", 1, T0 + 3),
      feedback(3, "approve", 0.75, T0 + 4),
    ]);
    const row = (specialist: string, recommendation: string, count: number, ratings: number[]) => ({
      specialist,
      recommendation,
      count,
      rated: ratings.length,
      rating_sum: ratings.reduce((sum, rating) => sum + rating, 0),
      rating_min: ratings.length === 0 ? null : Math.min(...ratings),
      rating_max: ratings.length === 0 ? null : Math.max(...ratings),
    });
    const approved = row(toy, "approve", 1, [1]);
    expect(await store.summarizeFeedback({ specialist: toy })).toEqual([approved, row(toy, "reject", 2, [0.5])]);
    expect(await store.summarizeFeedback({ specialist: toy, submittedFrom: T0 + 3 })).toEqual([approved]);
    expect(await store.summarizeFeedback({ specialist: name("nobody") })).toEqual([]);
    expect(await store.summarizeFeedback({})).toEqual(expect.arrayContaining([approved, row(other, "approve", 1, [0.75])]));
  },
  "a request is claimed once, answered once, and forgotten when it expires": async (store: Store, name: Scope) => {
    const request = (owner: string, at: number, digest = "body") => ({
      ...{ key: name("key"), digest, owner, claimed_until: at + 60, at, expires_at: at + 1_000 },
    });
    const answer = { status: 201, media_type: "application/json", body: '{"süß":"🐝"}' };
    expect(await store.claimRequest(request("one", 100), 100)).toMatchObject({
      claimed: true,
      request: { at: 100, answer: null },
    });
    const together = await Promise.all(["two", "three"].map((owner) => store.claimRequest(request(owner, 120), 120)));
    expect(together).toMatchObject([
      { claimed: false, request: { owner: "one", answer: null } },
      { claimed: false, request: { owner: "one", answer: null } },
    ]);
    // the owner is known to be gone: another goes on, with the first time
    expect(await store.claimRequest(request("two", 130), 130, "one")).toMatchObject({
      claimed: true,
      request: { owner: "two", at: 100, claimed_until: 190 },
    });
    await store.answerRequest(name("key"), "one", { ...answer, status: 500 });
    await store.forgetRequest(name("key"), "one");
    expect(await store.claimRequest(request("three", 189), 189)).toMatchObject({ claimed: false, request: { owner: "two" } });
    expect(await store.claimRequest(request("three", 190, "other"), 190)).toMatchObject({ claimed: false });
    expect(await store.claimRequest(request("three", 190), 190)).toMatchObject({ claimed: true, request: { at: 100 } });
    await store.answerRequest(name("key"), "three", answer);
    await store.answerRequest(name("key"), "three", { ...answer, body: "another" });
    await store.forgetRequest(name("key"), "three");
    expect(await store.claimRequest(request("four", 1_099), 1_099, "three")).toEqual({
      claimed: false,
      request: { ...request("three", 190), at: 100, expires_at: 1_100, answer },
    });
    expect(await store.claimRequest(request("four", 1_100, "other"), 1_100)).toMatchObject({
      claimed: true,
      request: { owner: "four", at: 1_100, answer: null },
    });
    await store.forgetRequest(name("key"), "four");
    expect(await store.claimRequest(request("five", 1_200), 1_200)).toMatchObject({ claimed: true, request: { owner: "five" } });
    expect(await store.forgetExpiredRequests(2_200)).toBe(1);
    expect(await store.claimRequest(request("six", 1_300), 1_300)).toMatchObject({ claimed: true, request: { owner: "six" } });
  },
  "an opinion comes back as it was stored": async (store: Store, name: Scope) => {
    const opinion = anOpinion(name("o"), {
      columns: { word: "süß 🐝", flag: true, none: null, amount: 1e-9 },
      extra: { nested: { list: [1, "zwei", null] }, "with.dot": { $set: 1 } },
      opinion: { ...anOpinion("x").opinion, reasoning_summary: "línea uno\n\u0000 two\u2028", confidence_score: null },
    });
    isValid.opinion(opinion);
    expect(await store.addOpinions([opinion])).toEqual(["added"]);
    expect(await store.getOpinion(opinion.opinion_id)).toEqual(opinion);
    expect(await store.getOpinion(name("absent"))).toBeNull();
  },

  "an opinion without vector, model and columns comes back so": async (store: Store, name: Scope) => {
    const bare = anOpinion(name("o"), { features: null, model: null, probabilities: null, state: "external" });
    await store.addOpinions([bare]);
    expect(await store.getOpinion(bare.opinion_id)).toEqual(bare);
  },

  "missing values and extreme numbers of a vector survive": async (store: Store, name: Scope) => {
    const values = [null, 0, -1.5, Number.MAX_VALUE, Number.MIN_VALUE, 0.1 + 0.2, null];
    await store.addOpinions([anOpinion(name("o"), { features: { schema: "s/1", values }, specialist_type: name("s") })]);
    expect((await store.getOpinion(name("o")))?.features).toEqual({ schema: "s/1", values });
    await store.addFeedback([aFeedback(name("f"), name("o"), { specialist_type: name("s") })]);
    const [row] = await labelsOf(store, name("s"));
    expect(row.features).toEqual(Float64Array.from(values, (value) => value ?? Number.NaN));
  },

  "the second insert of one opinion is `same`, another content is `conflict` and the first stays": async (
    store: Store,
    name: Scope,
  ) => {
    const first = anOpinion(name("o"));
    const other = anOpinion(name("o"), { plan_id: "another plan" });
    expect(await store.addOpinions([first, first, other])).toEqual(["added", "same", "conflict"]);
    expect(await store.addOpinions([other, first])).toEqual(["conflict", "same"]);
    expect(await store.getOpinion(name("o"))).toEqual(first);
  },

  "the order of keys in a document does not matter to `same`": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"), { extra: { a: 1, b: { c: 2, d: 3 } } })]);
    expect(await store.addOpinions([anOpinion(name("o"), { extra: { b: { d: 3, c: 2 }, a: 1 } })])).toEqual(["same"]);
  },

  "getOpinionHeads answers what getOpinions does, in short": async (store: Store, name: Scope) => {
    const [a, b] = [anOpinion(name("head-a")), anOpinion(name("head-b"))];
    await store.addOpinions([a, b]);
    const heads = await store.getOpinionHeads([b.opinion_id, name("absent"), a.opinion_id]);
    expect(heads).toEqual([headOf(b), null, headOf(a)]);
  },
  "countOpinions counts what listOpinions lists": async (store: Store, name: Scope) => {
    const opinions = ["a", "b", "c"].map((id) =>
      anOpinion(name(id), { specialist_type: name("s"), plan_id: name(`plan-${id}`) }),
    );
    await store.addOpinions(opinions);
    const specialist = name("s");
    for (const filter of [
      { specialist },
      { specialist, planId: opinions[1].plan_id },
      { specialist, evaluatedBefore: 0 },
      { specialist, pending: true },
    ]) {
      const { items } = await store.listOpinions(filter, { limit: 100 });
      expect(await store.countOpinions(filter)).toBe(items.length);
    }
  },
  "getOpinions answers each id in order, also repeated and absent ones": async (store: Store, name: Scope) => {
    const [a, b] = [anOpinion(name("a")), anOpinion(name("b"))];
    await store.addOpinions([a, b]);
    expect(await store.getOpinions([b.opinion_id, name("absent"), a.opinion_id, b.opinion_id])).toEqual([b, null, a, b]);
    expect(await store.getOpinions([])).toEqual([]);
    const tooMany = Array.from({ length: 10_001 }, (_, index) => String(index));
    await expect(store.getOpinions(tooMany)).rejects.toEqual(failsWith("bad_parameter"));
  },

  "empty lists of arguments change nothing": async (store: Store) => {
    expect(await store.addOpinions([])).toEqual([]);
    expect(await store.addFeedback([])).toEqual([]);
    expect(await store.demoteFeedback([], "echo")).toBe(0);
    expect(await store.appendAudit([])).toEqual([]);
    await store.addQuarantine([]);
  },

  "opinions are listed newest first, one page after the other, each once": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const opinions = Array.from({ length: 7 }, (_, index) =>
      anOpinion(name(`o${index}`), { specialist_type: specialist, evaluated_at: T0 + Math.floor(index / 2) }),
    );
    await store.addOpinions(opinions);
    const newestFirst = opinions.toReversed().map((opinion) => opinion.opinion_id);
    for (const limit of [1, 2, 3, 7, 100])
      expect((await allPages((page) => store.listOpinions({ specialist }, page), limit)).map((o) => o.opinion_id)).toEqual(
        newestFirst,
      );
  },

  "a page that began before new opinions came neither repeats nor skips": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const at = (id: string, minute: number) => anOpinion(name(id), { specialist_type: specialist, evaluated_at: T0 + minute });
    await store.addOpinions([at("a", 1), at("b", 2), at("c", 3), at("d", 4)]);
    const first = await store.listOpinions({ specialist }, { limit: 2 });
    await store.addOpinions([at("e", 5), at("f", 6)]);
    const second = await store.listOpinions({ specialist }, { limit: 2, cursor: first.next ?? "" });
    expect([...first.items, ...second.items].map((o) => o.opinion_id)).toEqual(["d", "c", "b", "a"].map(name));
    expect(second.next).toBeNull();
  },

  "opinions are filtered by plan, model version and time": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const model = { name: "m", version: "7", run_id: null, sha256: null };
    await store.addOpinions([
      anOpinion(name("a"), { specialist_type: specialist, plan_id: name("p"), evaluated_at: T0 }),
      anOpinion(name("b"), { specialist_type: specialist, model, evaluated_at: T0 + 1 }),
      anOpinion(name("c"), { specialist_type: specialist, model: null, evaluated_at: T0 + 2 }),
    ]);
    const ids = async (filter: object) =>
      (await store.listOpinions({ specialist, ...filter }, { limit: 10 })).items.map((o) => o.opinion_id);
    expect(await ids({ planId: name("p") })).toEqual([name("a")]);
    expect(await ids({ modelVersion: "7" })).toEqual([name("b")]);
    expect(await ids({ evaluatedFrom: T0 + 1 })).toEqual([name("c"), name("b")]);
    expect(await ids({ evaluatedFrom: T0, evaluatedBefore: T0 + 2 })).toEqual([name("b"), name("a")]);
  },

  "pending opinions are those without a current human judgement": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const opinions = ["a", "b", "c", "d"].map((id, index) =>
      anOpinion(name(id), { specialist_type: specialist, evaluated_at: T0 + index }),
    );
    await store.addOpinions(opinions);
    await store.addFeedback([
      aFeedback(name("fa"), name("a"), { specialist_type: specialist, tier: "blind" }),
      aFeedback(name("fb"), name("b"), { specialist_type: specialist, tier: "rule" }),
      aFeedback(name("fc"), name("c"), { specialist_type: specialist }),
    ]);
    const pending = async () =>
      (await store.listOpinions({ specialist, pending: true }, { limit: 10 })).items.map((o) => o.opinion_id);
    expect(await pending()).toEqual(["d", "c", "b"].map(name).filter((id) => id !== name("c")));
    await store.retractFeedback(name("fc"), T0);
    expect(await pending()).toEqual(["d", "c", "b"].map(name));
    await store.demoteFeedback([name("fa")], "echo");
    expect(await pending()).toEqual(["d", "c", "b", "a"].map(name));
  },

  "a limit outside 1..10,000 and a cursor of another list are refused": async (store: Store, name: Scope) => {
    for (const limit of [0, -1, 1.5, 10_001, Number.NaN])
      await expect(store.listOpinions({}, { limit })).rejects.toEqual(failsWith("bad_parameter"));
    await store.addOpinions([anOpinion(name("a")), anOpinion(name("b"))]);
    const { next } = await store.listOpinions({}, { limit: 1 });
    await expect(store.listFeedback({}, { limit: 1, cursor: next ?? "" })).rejects.toEqual(failsWith("bad_query"));
    for (const cursor of ["", "no cursor", "W10"])
      await expect(store.listOpinions({}, { limit: 1, cursor })).rejects.toEqual(failsWith("bad_query"));
  },

  "a judgement comes back with state, sequence and time of recording": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    const feedback = aFeedback(name("f"), name("o"), {
      feedback_notes: "não aprovo — 数据 🐝",
      human_rating: null,
      metadata: { "a.b": [1] },
    });
    isValid.feedback(feedback);
    expect(await store.addFeedback([feedback])).toEqual([{ outcome: "added", feedback_id: name("f"), replaced: null }]);
    const stored = await store.getFeedback(name("f"));
    expect(stored).toEqual({ ...feedback, state: "current", sequence: expect.any(Number), recorded_at: expect.any(Number) });
    expect(await store.getFeedback(name("absent"))).toBeNull();
  },

  "a judgement of an unknown opinion, or under another specialist's name, is not stored": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    const outcomes = await store.addFeedback([
      aFeedback(name("f1"), name("nowhere")),
      aFeedback(name("f2"), name("o"), { specialist_type: "technical" }),
      aFeedback(name("f3"), name("o")),
    ]);
    expect(outcomes.map((answer) => answer.outcome)).toEqual(["opinion_not_found", "conflict", "added"]);
    expect(await store.getFeedback(name("f1"))).toBeNull();
    expect(await store.getFeedback(name("f2"))).toBeNull();
  },

  "a double click is `same` and nothing is written": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    const outcomes = await store.addFeedback([
      aFeedback(name("f1"), name("o")),
      aFeedback(name("f2"), name("o"), { submitted_at: T0 + 61_000 }),
      aFeedback(name("f1"), name("o")),
    ]);
    expect(outcomes).toEqual([
      { outcome: "added", feedback_id: name("f1"), replaced: null },
      { outcome: "same", feedback_id: name("f1"), replaced: null },
      { outcome: "same", feedback_id: name("f1"), replaced: null },
    ]);
    expect(await store.getFeedback(name("f2"))).toBeNull();
    expect((await store.listFeedback({ opinionId: name("o") }, { limit: 10 })).items).toHaveLength(1);
  },

  "the same feedback id with other content is `conflict` and the first stays": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    await store.addFeedback([aFeedback(name("f"), name("o"))]);
    const [answer] = await store.addFeedback([
      aFeedback(name("f"), name("o"), { human_recommendation: "reject", reviewer: "bob" }),
    ]);
    expect(answer).toEqual({ outcome: "conflict", feedback_id: name("f"), replaced: null });
    expect((await store.getFeedback(name("f")))?.human_recommendation).toBe("approve");
  },

  "a reviewer's newer judgement replaces the older one, which stays as history": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    await store.addFeedback([aFeedback(name("f1"), name("o"))]);
    const newer = aFeedback(name("f2"), name("o"), { human_recommendation: "reject", submitted_at: T0 + 120_000 });
    expect(await store.addFeedback([newer])).toEqual([{ outcome: "added", feedback_id: name("f2"), replaced: name("f1") }]);
    const [second, first] = (await store.listFeedback({ opinionId: name("o") }, { limit: 10 })).items;
    expect([first.state, second.state, second.supersedes]).toEqual(["superseded", "current", name("f1")]);
    expect(await store.addFeedback([newer])).toEqual([{ outcome: "same", feedback_id: name("f2"), replaced: null }]);
  },

  "a judgement that arrives late does not replace a newer one": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    await store.addFeedback([aFeedback(name("new"), name("o"), { submitted_at: T0 + 200 })]);
    const late = aFeedback(name("old"), name("o"), { human_recommendation: "reject", submitted_at: T0 + 100 });
    expect(await store.addFeedback([late])).toEqual([{ outcome: "superseded", feedback_id: name("old"), replaced: null }]);
    expect((await store.getFeedback(name("new")))?.state).toBe("current");
    expect((await store.getFeedback(name("old")))?.state).toBe("superseded");
  },

  "two reviewers of one opinion each keep their judgement": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    await store.addFeedback([aFeedback(name("a"), name("o")), aFeedback(name("b"), name("o"), { reviewer: "bob" })]);
    const current = (await store.listFeedback({ opinionId: name("o"), state: "current" }, { limit: 10 })).items;
    expect(current.map((item) => item.evidence.reviewer)).toEqual(["bob", "ann"]);
  },

  "taking a judgement back does not revive the one before, and an older late one stays history": async (
    store: Store,
    name: Scope,
  ) => {
    await store.addOpinions([anOpinion(name("o"))]);
    const at = (id: string, ms: number, human_recommendation: string) =>
      aFeedback(name(id), name("o"), { submitted_at: T0 + ms, human_recommendation });
    await store.addFeedback([at("f1", 1, "approve"), at("f3", 3, "reject")]);
    expect(await store.retractFeedback(name("f3"), T0 + 10)).toMatchObject({ feedback_id: name("f3"), state: "retracted" });
    expect((await store.listFeedback({ opinionId: name("o"), state: "current" }, { limit: 10 })).items).toEqual([]);
    expect((await store.addFeedback([at("f2", 2, "conditional")]))[0].outcome).toBe("superseded");
    expect((await store.addFeedback([at("f4", 4, "reject")]))[0]).toEqual({
      outcome: "added",
      feedback_id: name("f4"),
      replaced: null,
    });
    await expect(store.retractFeedback(name("f3"), T0)).rejects.toEqual(failsWith("conflict"));
    await expect(store.retractFeedback(name("f1"), T0)).rejects.toEqual(failsWith("conflict"));
    await expect(store.retractFeedback(name("absent"), T0)).rejects.toEqual(failsWith("feedback_not_found"));
  },

  "a demotion keeps the tier of arrival, and sending the judgement again does not undo it": async (store: Store, name: Scope) => {
    await store.addOpinions([anOpinion(name("o"))]);
    const feedback = aFeedback(name("f"), name("o"), { tier: "informed" });
    await store.addFeedback([feedback]);
    expect(await store.demoteFeedback([name("f"), name("f"), name("absent")], "rule")).toBe(1);
    expect(await store.demoteFeedback([name("f")], "rule")).toBe(0);
    expect(await store.demoteFeedback([name("f")], "echo")).toBe(1);
    expect((await store.getFeedback(name("f")))?.evidence).toMatchObject({ tier: "echo", demoted_from: "informed" });
    expect(
      (await store.addFeedback([feedback, { ...feedback, feedback_id: name("f2") }])).map((answer) => answer.outcome),
    ).toEqual(["same", "same"]);
    expect((await store.getFeedback(name("f")))?.evidence.tier).toBe("echo");
  },

  "sequence numbers grow in the order of arrival": async (store: Store, name: Scope) => {
    await store.addOpinions(["a", "b", "c"].map((id) => anOpinion(name(id))));
    await store.addFeedback([aFeedback(name("f1"), name("c")), aFeedback(name("f2"), name("a"))]);
    await store.addFeedback([aFeedback(name("f3"), name("b"))]);
    const numbers = await Promise.all(
      ["f1", "f2", "f3"].map(async (id) => (await store.getFeedback(name(id)))?.sequence ?? Number.NaN),
    );
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(3);
  },

  "feedback is filtered by specialist, reviewer, tier, state and time, and paged newest first": async (
    store: Store,
    name: Scope,
  ) => {
    const specialist = name("s");
    const opinions = Array.from({ length: 6 }, (_, index) => anOpinion(name(`o${index}`), { specialist_type: specialist }));
    await store.addOpinions(opinions);
    const tiers: Tier[] = ["blind", "rule", "informed", "blind", "bulk", "synthetic"];
    await store.addFeedback(
      tiers.map((tier, index) =>
        aFeedback(name(`f${index}`), name(`o${index}`), {
          specialist_type: specialist,
          tier,
          reviewer: index % 2 === 0 ? name("eva") : name("otto"),
          submitted_at: T0 + index,
        }),
      ),
    );
    const ids = async (filter: object) =>
      (await store.listFeedback({ specialist, ...filter }, { limit: 10 })).items.map((item) => item.feedback_id);
    expect(await ids({})).toEqual([5, 4, 3, 2, 1, 0].map((index) => name(`f${index}`)));
    expect(await ids({ tier: "blind" })).toEqual([name("f3"), name("f0")]);
    expect(await ids({ reviewer: name("otto") })).toEqual([name("f5"), name("f3"), name("f1")]);
    expect(await ids({ submittedFrom: T0 + 2, submittedBefore: T0 + 4 })).toEqual([name("f3"), name("f2")]);
    await store.retractFeedback(name("f3"), T0);
    expect(await ids({ state: "retracted" })).toEqual([name("f3")]);
    expect((await allPages((page) => store.listFeedback({ specialist }, page), 4)).length).toBe(6);
  },

  "new labels picked with unequal chances are counted for what they are worth, if asked": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    await store.addOpinions(["a", "b", "c", "d"].map((id) => anOpinion(name(id), { specialist_type })));
    const picked = (id: string, opinionId: string, propensity: number | null, base_propensity: number) => {
      const feedback = aFeedback(name(id), name(opinionId), { specialist_type });
      return propensity === null ? feedback : { ...feedback, evidence: { ...feedback.evidence, propensity, base_propensity } };
    };
    await store.addFeedback([
      picked("f1", "a", 0.2, 0.1), // favoured: weighs 1/2
      picked("f2", "b", 0.05, 0.1), // weighs 2
      picked("f3", "c", null, 1), // not by chance: weighs 1
      picked("f4", "d", 0.001, 0.5), // no row weighs more than 10
    ]);
    const weighed = await store.countLabels(specialist_type, { ...everything, weigh: true });
    expect(weighed.new_gate).toBe(4);
    expect(weighed.new_gate_effective).toBeCloseTo(13.5 ** 2 / (0.25 + 4 + 1 + 100), 12);
    expect((await store.countLabels(specialist_type, everything)).new_gate_effective).toBe(4);
    const last = (await store.getFeedback(name("f3")))?.sequence ?? 0;
    const after = await store.countLabels(specialist_type, { ...everything, afterSequence: last, weigh: true });
    expect([after.new_gate, after.new_gate_effective]).toEqual([1, 1]);
  },

  "counts of an unknown specialist are all zero": async (store: Store, name: Scope) => {
    expect(await store.countLabels(name("nobody"), everything)).toEqual({
      by_tier: { blind: 0, informed: 0, bulk: 0, rule: 0, echo: 0, synthetic: 0 },
      human: 0,
      new_human: 0,
      new_gate: 0,
      new_gate_effective: 0,
      machine: 0,
      last_sequence: 0,
      first_submitted_at: null,
      last_submitted_at: null,
    });
    expect(await labelsOf(store, name("nobody"))).toEqual([]);
    expect(await store.countAgreement(name("nobody"), "1")).toEqual({ judged: 0, mean_confidence: null, labelled: 0, agreed: 0 });
  },

  "labels are counted once an opinion, by tier, and new ones after a sequence": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    const add = async (id: string, opinionId: string, change: Parameters<typeof aFeedback>[2]) => {
      await store.addFeedback([aFeedback(name(id), name(opinionId), { specialist_type, ...change })]);
      return (await store.getFeedback(name(id)))?.sequence ?? Number.NaN;
    };
    await store.addOpinions(["a", "b", "c", "d"].map((id) => anOpinion(name(id), { specialist_type })));
    await store.addOpinions([anOpinion(name("other"), { specialist_type, features: { schema: "mail/2", values: [1] } })]);
    await store.addOpinions([anOpinion(name("bare"), { specialist_type, features: null })]);
    await add("f1", "a", { tier: "blind", submitted_at: T0 + 5 });
    await add("f2", "a", { tier: "informed", reviewer: "bob", submitted_at: T0 + 9 });
    await add("f3", "b", { tier: "rule", reviewer: "program", submitted_at: T0 + 1 });
    const cut = await add("f4", "c", { tier: "bulk" });
    await add("f5", "c", { tier: "informed", reviewer: "bob" });
    await add("f6", "b", { tier: "echo", reviewer: "bob" });
    await add("f7", "other", { tier: "blind" });
    await add("f8", "bare", { tier: "blind" });
    const last = await add("f9", "d", { tier: "bulk", submitted_at: T0 + 600_000 });
    expect(await store.countLabels(specialist_type, { ...everything, afterSequence: cut })).toEqual({
      by_tier: { blind: 3, informed: 2, bulk: 2, rule: 1, echo: 1, synthetic: 0 },
      human: 5, // a, c, d, other, bare
      new_human: 4, // c (f5), other, bare, d
      new_gate: 1, // c (f5): other has another schema, bare has none, d is bulk
      new_gate_effective: 1,
      machine: 1, // b
      last_sequence: last,
      first_submitted_at: T0 + 1,
      last_submitted_at: T0 + 600_000,
    });
    expect(await store.countLabels(specialist_type, everything)).toMatchObject({ human: 5, new_human: 5, new_gate: 2 });
    await store.retractFeedback(name("f9"), T0);
    expect(await store.countLabels(specialist_type, everything)).toMatchObject({ human: 4, last_sequence: last });
  },

  "labels stream in the order of judging, all of one opinion together, history left out": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    await store.addOpinions([
      anOpinion(name("late"), { specialist_type, evaluated_at: T0 + 9 }),
      anOpinion(name("y"), { specialist_type, evaluated_at: T0 }),
      anOpinion(name("x"), { specialist_type, evaluated_at: T0 }),
    ]);
    const add = (id: string, opinion: string, reviewer: string, change: object = {}) =>
      store.addFeedback([aFeedback(name(id), name(opinion), { specialist_type, reviewer, ...change })]);
    await add("1", "late", "ann");
    const picked = aFeedback(name("2"), name("y"), { specialist_type, reviewer: "ann" });
    await store.addFeedback([{ ...picked, evidence: { ...picked.evidence, propensity: 0.25 } }]);
    await add("3", "x", "ann");
    await add("4", "y", "bob", { tier: "rule" });
    await add("5", "x", "ann", { human_recommendation: "reject", submitted_at: T0 + 99_999_999 });
    const rows = await labelsOf(store, specialist_type);
    expect(rows.map((row) => [row.opinion_id, row.feedback_id])).toEqual([
      [name("x"), name("5")],
      [name("y"), name("2")],
      [name("y"), name("4")],
      [name("late"), name("1")],
    ]);
    expect(rows[1]).toEqual({
      feedback_id: name("2"),
      opinion_id: name("y"),
      plan_id: `plan-of-${name("y")}`,
      group: `plan-of-${name("y")}`,
      reviewer: "ann",
      recommendation: "approve",
      rating: 0.9,
      tier: "informed",
      propensity: 0.25,
      base_propensity: null,
      submitted_at: T0 + 60_000,
      evaluated_at: T0,
      sequence: expect.any(Number),
      opinion_decision: "approve",
      opinion_confidence: 0.75,
      opinion_state: "judged",
      model_version: "1",
      feature_schema: "mail/1",
      features: Float64Array.of(1, Number.NaN, -2.5),
    });
  },

  "labels are filtered by sequence, time and tier": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    await store.addOpinions(["a", "b", "c"].map((id) => anOpinion(name(id), { specialist_type })));
    await store.addFeedback([
      aFeedback(name("fa"), name("a"), { specialist_type, submitted_at: T0 + 1, tier: "blind" }),
      aFeedback(name("fb"), name("b"), { specialist_type, submitted_at: T0 + 2, tier: "rule" }),
      aFeedback(name("fc"), name("c"), { specialist_type, submitted_at: T0 + 3, tier: "blind" }),
    ]);
    const upToSequence = (await store.getFeedback(name("fb")))?.sequence ?? 0;
    const ids = async (filter: Parameters<Store["streamLabels"]>[1]) =>
      (await labelsOf(store, specialist_type, filter)).map((row) => row.feedback_id);
    expect(await ids({ upToSequence })).toEqual(["fa", "fb"].map(name));
    expect(await ids({ submittedFrom: T0 + 2 })).toEqual(["fb", "fc"].map(name));
    expect(await ids({ tiers: ["blind", "informed"] })).toEqual(["fa", "fc"].map(name));
    expect(await ids({ tiers: [] })).toEqual([]);
  },

  "a stream of several batches gives every row once and cuts no opinion in two": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    const ids = Array.from({ length: 1_300 }, (_, index) => name(`o${String(index).padStart(5, "0")}`));
    await store.addOpinions(ids.map((id) => anOpinion(id, { specialist_type })));
    await store.addFeedback(
      ids.flatMap((id) => [
        aFeedback(`a-${id}`, id, { specialist_type }),
        aFeedback(`b-${id}`, id, { specialist_type, reviewer: "bob" }),
      ]),
    );
    const seen: string[] = [];
    let previousLast: string | undefined;
    let batches = 0;
    for await (const batch of store.streamLabels(specialist_type, {})) {
      expect(batch.length).toBeGreaterThan(0);
      expect(batch[0].opinion_id).not.toBe(previousLast);
      previousLast = batch.at(-1)?.opinion_id;
      seen.push(...batch.map((row) => row.feedback_id));
      batches += 1;
    }
    expect(batches).toBeGreaterThan(1);
    expect(seen).toEqual(ids.flatMap((id) => [`a-${id}`, `b-${id}`]));
  },

  "a stream that is left early leaves the store usable": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    await store.addOpinions([anOpinion(name("o"), { specialist_type })]);
    await store.addFeedback([aFeedback(name("f"), name("o"), { specialist_type })]);
    for await (const batch of store.streamLabels(specialist_type, {})) {
      expect(batch).toHaveLength(1);
      break;
    }
    expect(await store.addOpinions([anOpinion(name("o2"), { specialist_type })])).toEqual(["added"]);
  },

  "agreement of a model version is over its newest human judgements": async (store: Store, name: Scope) => {
    const specialist_type = name("s");
    const model = (version: string) => ({ name: "m", version, run_id: null, sha256: null });
    const judged = (id: string, version: string, confidence: number | null) =>
      anOpinion(name(id), {
        specialist_type,
        model: model(version),
        opinion: { ...anOpinion("x").opinion, confidence_score: confidence },
      });
    await store.addOpinions([
      judged("a", "2", 0.5),
      judged("b", "2", 0.75),
      judged("c", "2", 1),
      judged("d", "3", 0.1),
      judged("e", "4", null),
    ]);
    await store.addFeedback([
      aFeedback(name("f1"), name("a"), { specialist_type, submitted_at: T0 + 1, human_recommendation: "reject" }),
      aFeedback(name("f2"), name("a"), {
        specialist_type,
        submitted_at: T0 + 2,
        reviewer: "bob",
        human_recommendation: "approve",
      }),
      aFeedback(name("f3"), name("b"), { specialist_type, human_recommendation: "reject" }),
      aFeedback(name("f4"), name("c"), { specialist_type, tier: "rule", reviewer: "program" }),
      aFeedback(name("f5"), name("d"), { specialist_type }),
    ]);
    expect(await store.countAgreement(specialist_type, "2")).toEqual({
      judged: 3,
      mean_confidence: 0.75,
      labelled: 2,
      agreed: 1,
    });
    expect(await store.countAgreement(specialist_type, "4")).toEqual({
      judged: 1,
      mean_confidence: null,
      labelled: 0,
      agreed: 0,
    });
  },

  "a specialist has one running run, and a second one can begin when the first has ended": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const first = aRun(name("r1"), { specialist });
    await store.addRun(first);
    expect(await store.getRun(name("r1"))).toEqual(first);
    await expect(store.addRun(aRun(name("r2"), { specialist }))).rejects.toEqual(failsWith("run_active"));
    expect(await store.getRun(name("r2"))).toBeNull();
    await store.putRun({ ...first, state: "finished", ended_at: T0 + 5 });
    await store.addRun(aRun(name("r2"), { specialist, started_at: T0 + 9 }));
    await expect(store.putRun({ ...first, state: "running" })).rejects.toEqual(failsWith("run_active"));
    expect((await store.listRuns({ specialist }, { limit: 10 })).items.map((run) => run.run_id)).toEqual([
      name("r2"),
      name("r1"),
    ]);
    expect((await store.listRuns({ specialist, state: "running" }, { limit: 10 })).items.map((run) => run.run_id)).toEqual([
      name("r2"),
    ]);
  },

  "of two runs begun at once one is stored": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const starts = await Promise.allSettled(["a", "b", "c"].map((id) => store.addRun(aRun(name(id), { specialist }))));
    expect(starts.filter((start) => start.status === "fulfilled")).toHaveLength(1);
    expect((await store.listRuns({ specialist }, { limit: 10 })).items).toHaveLength(1);
  },

  "one set of evidence starts one run": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const first = aRun(name("r1"), { specialist, evidenceKey: "labels-100" });
    await store.addRun(first);
    await store.putRun({ ...first, state: "failed" });
    await expect(store.addRun(aRun(name("r2"), { specialist, evidenceKey: "labels-100" }))).rejects.toEqual(
      failsWith("conflict"),
    );
    await expect(store.addRun(first)).rejects.toEqual(failsWith("conflict"));
    await store.addRun(aRun(name("r3"), { specialist, evidenceKey: "labels-200" }));
    await store.addRun(aRun(name("r4"), { specialist: name("t"), evidenceKey: "labels-100" }));
  },

  "a run's record is refused under an older fencing token": async (store: Store, name: Scope) => {
    const run = aRun(name("r"), { specialist: name("s"), fence: 5 });
    await store.addRun(run);
    await store.putRun({ ...run, fence: 7, dataset_id: "by the new owner" });
    await expect(store.putRun({ ...run, fence: 6, dataset_id: "by the old owner" })).rejects.toEqual(failsWith("lease_lost"));
    await store.putRun({ ...run, fence: 7, dataset_id: "again" });
    expect((await store.getRun(name("r")))?.dataset_id).toBe("again");
    await expect(store.putRun(aRun(name("absent")))).rejects.toEqual(failsWith("run_not_found"));
  },

  "a lease is held by one owner until it expires, and each taking has a larger fence": async (store: Store, name: Scope) => {
    const lease = name("lease");
    expect(await store.getLease(lease)).toBeNull();
    const first = await store.acquireLease(lease, "a", 100, T0);
    expect(first).not.toBeNull();
    expect(await store.getLease(lease)).toEqual({ owner: "a", fence: first?.fence, expires_at: T0 + 100 });
    expect(await store.acquireLease(lease, "b", 100, T0 + 99)).toBeNull();
    expect(await store.renewLease(lease, "a", first?.fence ?? 0, 100, T0 + 90)).toBe(true);
    expect(await store.acquireLease(lease, "b", 100, T0 + 150)).toBeNull();
    const stolen = await store.acquireLease(lease, "b", 100, T0 + 190);
    expect(stolen?.fence).toBeGreaterThan(first?.fence ?? Number.NaN);
    expect(await store.renewLease(lease, "a", first?.fence ?? 0, 100, T0 + 191)).toBe(false);
    await store.releaseLease(lease, "a", first?.fence ?? 0);
    expect((await store.getLease(lease))?.owner).toBe("b");
    const again = await store.acquireLease(lease, "b", 100, T0 + 195);
    expect(again?.fence).toBeGreaterThan(stolen?.fence ?? Number.NaN);
    expect(await store.renewLease(lease, "b", stolen?.fence ?? 0, 100, T0 + 196)).toBe(false);
    await store.releaseLease(lease, "b", again?.fence ?? 0);
    expect(await store.getLease(lease)).toBeNull();
    const last = await store.acquireLease(lease, "c", 100, T0 + 197);
    expect(last?.fence).toBeGreaterThan(again?.fence ?? Number.NaN);
  },

  "of many owners that ask at once one gets the lease": async (store: Store, name: Scope) => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => store.acquireLease(name("lease"), `owner-${index}`, 100, T0)),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
  },

  "datasets are stored once and listed newest first": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const [a, b] = [
      aDataset("a", { specialist, dataset_id: hex(name("a")) }),
      aDataset("b", { specialist, dataset_id: hex(name("b")), created_at: T0 + 1 }),
    ];
    await store.addDataset(a);
    await store.addDataset({ ...a, rows: 99 });
    await store.addDataset(b);
    expect(await store.getDataset(a.dataset_id)).toEqual(a);
    expect(await store.getDataset(hex(name("absent")))).toBeNull();
    expect((await store.listDatasets({ specialist }, { limit: 10 })).items).toEqual([b, a]);
    expect(await allPages((page) => store.listDatasets({ specialist }, page), 1)).toEqual([b, a]);
  },

  "verdicts are stored once and listed newest first": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const [a, b] = [aVerdict(hex(name("a")), specialist, T0), aVerdict(hex(name("b")), specialist, T0 + 1)];
    await store.addVerdict(a);
    await store.addVerdict({ ...a, run_id: "another" });
    await store.addVerdict(b);
    expect(await store.getVerdict(a.verdict_id)).toEqual(a);
    expect(await store.getVerdict(hex(name("absent")))).toBeNull();
    expect((await store.listVerdicts({ specialist }, { limit: 10 })).items).toEqual([b, a]);
  },

  "a deployment is prepared, then done; adding it again changes nothing": async (store: Store, name: Scope) => {
    const specialist = name("s");
    const first = aDeployment(name("d1"), { specialist });
    await store.addDeployment(first);
    await store.addDeployment(first);
    await expect(store.addDeployment({ ...first, version: "9" })).rejects.toEqual(failsWith("already_exists"));
    await store.putDeployment({ ...first, state: "done", done_at: T0 + 1 });
    await store.addDeployment(aDeployment(name("d2"), { specialist, prepared_at: T0 + 2, state: "abandoned" }));
    expect((await store.listDeployments({ specialist }, { limit: 10 })).items.map((d) => d.deployment_id)).toEqual([
      name("d2"),
      name("d1"),
    ]);
    expect((await store.listDeployments({ specialist, state: "done" }, { limit: 10 })).items).toEqual([
      { ...first, state: "done", done_at: T0 + 1 },
    ]);
    await expect(store.putDeployment(aDeployment(name("absent")))).rejects.toEqual(failsWith("not_found"));
  },

  "quarantined documents are kept whole until they are replayed": async (store: Store, name: Scope) => {
    const entries = [
      aQuarantineEntry(name("q1"), { document: { any: [{ "$weird.key": null }], text: "🐝" } }),
      aQuarantineEntry(name("q2"), { document: "not even an object", at: T0 + 1, kind: "opinion" }),
    ];
    await store.addQuarantine(entries);
    await store.addQuarantine(entries);
    expect(await store.getQuarantine(name("q1"))).toEqual(entries[0]);
    expect(await store.getQuarantine(name("q2"))).toEqual(entries[1]);
    expect(await store.getQuarantine(name("absent"))).toBeNull();
    await store.setQuarantineState(name("q1"), "replayed");
    const waiting = await allPages((page) => store.listQuarantine({ state: "waiting" }, page), 100);
    expect(waiting.map((entry) => entry.quarantine_id)).toContain(name("q2"));
    expect(waiting.map((entry) => entry.quarantine_id)).not.toContain(name("q1"));
    const feedback = await allPages((page) => store.listQuarantine({ kind: "feedback" }, page), 100);
    expect(feedback.find((entry) => entry.quarantine_id === name("q1"))?.state).toBe("replayed");
    await expect(store.setQuarantineState(name("absent"), "discarded")).rejects.toEqual(failsWith("not_found"));
  },

  "the audit log is one unbroken chain, also over appends at once": async (store: Store, name: Scope) => {
    const appended = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        store.appendAudit([
          anAuditEntry(name("subject")),
          anAuditEntry(name(`other-${index}`), { details: { n: index, text: "ü", list: [null, 1.5] } }),
        ]),
      ),
    );
    expect(appended.flat()).toHaveLength(10);
    const all = await allPages((page) => store.listAudit({}, page), 3);
    expect(all[0].previous_hash).toBe(AUDIT_GENESIS);
    expect(await verifyAuditChain(all)).toEqual({ intact: true, entries: all.length, last_hash: all.at(-1)?.hash });
    const mine = await store.listAudit({ subject: name("subject") }, { limit: 100 });
    expect(mine.items).toHaveLength(5);
    const rest = await store.listAudit({ afterSequence: mine.items[3].sequence, subject: name("subject") }, { limit: 100 });
    expect(rest.items).toEqual([mine.items[4]]);
  },

  "settings hold any JSON value": async (store: Store, name: Scope) => {
    expect(await store.getSetting(name("absent"))).toBeNull();
    for (const value of [0, "text", [1, { a: null }], { "a.b": { $c: true } }, null]) {
      await store.putSetting(name("key"), value);
      expect(await store.getSetting(name("key"))).toEqual(value);
    }
  },

  "an API key comes back as it was stored, and its id is taken": async (store: Store) => {
    const token = aToken(randomBytes(8).toString("hex"));
    tokenSchema.parse(z.encode(tokenSchema, token));
    await store.addToken(token);
    expect(await store.getToken(token.token_id)).toEqual(token);
    await expect(store.addToken({ ...token, name: "another" })).rejects.toEqual(failsWith("already_exists"));
    expect(await store.getToken(token.token_id)).toEqual(token);
    expect(await store.getToken("0000000000000000")).toBeNull();
  },
  "API keys are listed newest first, one page after the other, each once": async (store: Store) => {
    const far = T0 + 1_000 * 365 * 86_400_000; // newer than those of other cases
    const ids = Array.from({ length: 5 }, () => randomBytes(8).toString("hex")).sort();
    for (const [index, id] of ids.entries()) await store.addToken(aToken(id, { created_at: far + Math.floor(index / 2) }));
    const listed = await allPages((page) => store.listTokens(page), 2);
    expect(listed.slice(0, 5).map(({ token_id }) => token_id)).toEqual(ids.toReversed());
  },
  "an API key is revoked once: a second revocation changes nothing, nor does use": async (store: Store) => {
    const token = aToken(randomBytes(8).toString("hex"));
    await store.addToken(token);
    const revoked = await store.revokeToken(token.token_id, "ann", T0 + 5);
    expect(revoked).toEqual({ ...token, revoked_at: T0 + 5, revoked_by: "ann" });
    expect(await store.revokeToken(token.token_id, "bob", T0 + 9)).toEqual(revoked);
    await store.touchToken(token.token_id, T0 + 20);
    await store.touchToken(token.token_id, T0 + 10);
    expect(await store.getToken(token.token_id)).toEqual({ ...revoked, last_used_at: T0 + 20 });
    await expect(store.revokeToken("0000000000000000", "ann", T0)).rejects.toEqual(failsWith("not_found"));
    expect(await store.touchToken("0000000000000000", T0)).toBeUndefined();
  },

  "ping answers": async (store: Store) => {
    expect(await store.ping()).toBeUndefined();
  },
};

const hex = (text: string): string => Buffer.from(text).toString("hex").slice(-64).padStart(64, "0");

function aVerdict(verdictId: string, specialist: string, createdAt: number): VerdictRecord {
  // the store looks at id, specialist and time only; what the verdict says is the decide folder's business
  const record: Pick<VerdictRecord, "verdict_id" | "specialist" | "run_id" | "decision" | "created_at"> = {
    verdict_id: verdictId,
    specialist,
    run_id: "run-1",
    decision: "inconclusive",
    created_at: createdAt,
  };
  return record as VerdictRecord;
}

export type StoreCase = keyof typeof cases;

/**
 * Runs every case against one open store of a backend; a backend's whole conformance test is one call.
 * @param skips cases that this backend cannot serve, each with its reason; shown in the report.
 */
export function storeSuite(
  backend: string,
  open: () => Promise<Store>,
  skips: { readonly [title in StoreCase]?: string } = {},
): void {
  describe(`store conformance: ${backend}`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(async () => {
      await store.close();
    });
    for (const [title, run] of Object.entries(cases)) {
      const reason = skips[title as StoreCase];
      const scope = randomUUID().slice(0, 8);
      test.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, () =>
        run(store, (name) => `${name}.${scope}`),
      );
    }
  });
}
