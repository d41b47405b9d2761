import { describe, expect, it } from "vitest";
import { readPlan } from "../../../src/core/plan.ts";
import { wordsOf } from "../../../src/features/index.ts";
import {
  type DescriptionContext,
  SCORE_WEIGHTS,
  scoreDescription,
  scoreDescriptions,
} from "../../../src/loop/generate/description-score.ts";

const none: DescriptionContext = { domain: null, securityLevel: null, qos: null };
const score = (text: string, context: Partial<DescriptionContext> = {}) =>
  scoreDescription(wordsOf(text), { ...none, ...context });
/** Words that are in no list, each another. */
const plain = (count: number) => Array.from({ length: count }, (_, place) => `wort${place}`).join(" ");

describe("scoreDescription", () => {
  it("has weights that add up to 1", () => {
    expect(Object.values(SCORE_WEIGHTS).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  it.each([
    [9, 0],
    [10, (0.5 * 10) / 15],
    [14, (0.5 * 14) / 15],
    [15, 1],
    [50, 1],
    [51, 0.7],
  ])("gives %d words the length part %d", (count, part) => {
    expect(score(plain(count)).parts.length).toBeCloseTo(part, 12);
  });

  it("counts distinct meaningful words over 0.7, at most 1", () => {
    expect(score("alpha alpha alpha alpha").parts.diversity).toBeCloseTo(0.25 / 0.7, 12);
    expect(score("alpha beta gamma alpha").parts.diversity).toBe(1);
    expect(score("the of para com ab x").parts.diversity).toBe(0);
  });

  it.each([
    ["nothing of it", 0],
    ["the token", 0.5],
    ["the token and the password", 0.8],
    ["token, password, encryption", 1],
    ["token token token", 0.5],
    ["senha e autenticação", 0.8],
  ])("gives %j in a security plan the domain part %d", (text, part) => {
    expect(score(text, { domain: "SECURITY" }).parts.domain).toBe(part);
  });

  it("is neutral about a domain that is not known", () => {
    expect(score("token", { domain: "astrology" }).parts.domain).toBe(0.5);
    expect(score("token").parts.domain).toBe(0.5);
  });

  it.each([
    ["restricted", "nothing", 0.2],
    ["confidential", "an encrypted copy", 0.6],
    ["Confidential", "an encrypted copy in the vault", 1],
    ["internal", "nothing", 1],
    [null, "nothing", 1],
  ])("asks a %s plan for words of care: %j gives %d", (securityLevel, text, part) => {
    expect(score(text, { securityLevel }).parts.security).toBe(part);
  });

  it("asks for the delivery only where the plan names one", () => {
    expect(score("nothing", { qos: "exactly_once" }).parts.qos).toBe(0.5);
    expect(score("exactly one time", { qos: "exactly_once" }).parts.qos).toBe(1);
    expect(score("nothing").parts.qos).toBe(1);
  });

  it("adds the parts up by weight", () => {
    const { score: sum, parts } = score(`${plain(20)} token`, {
      domain: "SECURITY",
      securityLevel: "restricted",
      qos: "at_least_once",
    });
    expect(parts).toEqual({ length: 1, diversity: 1, domain: 0.5, security: 0.6, qos: 0.5 });
    expect(sum).toBeCloseTo(0.3 + 0.25 + 0.1 + 0.09 + 0.05, 12);
  });
});

describe("scoreDescriptions", () => {
  it("is the mean over the tasks, with the delivery from metadata or an unnamed field", () => {
    const tasks = [
      { task_id: "a", task_type: "query", description: plain(20) },
      { task_id: "b", task_type: "query", description: "" },
    ];
    const of = (rest: object) => scoreDescriptions(readPlan({ plan_id: "p", tasks, ...rest }));
    expect(of({}).parts).toEqual({ length: 0.5, diversity: 0.5, domain: 0.5, security: 1, qos: 1 });
    expect(of({ metadata: { qos: "exactly_once" } }).parts.qos).toBe(0.5);
    expect(of({ qos: "exactly_once" }).parts.qos).toBe(0.5);
  });
});
