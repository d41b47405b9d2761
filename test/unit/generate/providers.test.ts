import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { answerJsonSchema, readAnswer } from "../../../src/loop/generate/llm/answer.ts";
import { APIS } from "../../../src/loop/generate/llm/apis.ts";
import { Budget, BudgetSpent } from "../../../src/loop/generate/llm/budget.ts";
import { fillPrompt, PROMPT_LANGUAGES, PROMPTS, promptDigest } from "../../../src/loop/generate/llm/prompts.ts";
import { openProvider, PROVIDER_NAMES } from "../../../src/loop/generate/llm/providers.ts";
import { dealShares, dealSlots } from "../../../src/loop/generate/llm/slots.ts";

const ask = {
  model: "m",
  system: "s",
  user: "u",
  schema: { type: "object" },
  takesSchema: true,
  temperature: 1.5,
  maxTokens: 100,
  limitName: "max_tokens",
} as const;

describe("openProvider", () => {
  it("opens every provider by its own address and key, and shows the key nowhere", () => {
    for (const name of PROVIDER_NAMES) {
      const environment = { LLM_API_KEY: "the-key", AZURE_OPENAI_ENDPOINT: "https://x.openai.azure.com/" };
      const provider = openProvider(
        { name, model: "m", baseUrl: name === "local" ? "https://models.test/v1" : undefined },
        environment,
      );
      expect(provider.baseUrl).toMatch(/^https:\/\/[^?#@]+[^/]$/);
      expect(Object.values(provider.headers()).filter((value) => value.endsWith("the-key"))).toHaveLength(1);
      expect(inspect(provider, { depth: 9 }) + JSON.stringify(provider)).not.toContain("the-key");
    }
  });

  it("takes a provider's own key before the common one, and Azure's address with its path", () => {
    const own = openProvider({ name: "groq", model: "m" }, { GROQ_API_KEY: "own", LLM_API_KEY: "common" });
    expect(own.headers().authorization).toBe("Bearer own");
    const azure = openProvider(
      { name: "azure_openai", model: "m" },
      { AZURE_OPENAI_API_KEY: "k", AZURE_OPENAI_ENDPOINT: "https://x.test" },
    );
    expect([azure.baseUrl, azure.headers()["api-key"]]).toEqual(["https://x.test/openai/v1", "k"]);
  });
});

describe("the forms of a call", () => {
  it("asks for a JSON schema where the provider takes one, else for JSON", () => {
    expect(APIS.chat.body(ask)).toMatchObject({ max_tokens: 100, response_format: { type: "json_schema" } });
    expect(APIS.chat.body({ ...ask, takesSchema: false, limitName: "max_completion_tokens" })).toMatchObject({
      max_completion_tokens: 100,
      response_format: { type: "json_object" },
    });
    expect(APIS.messages.body(ask)).toMatchObject({ temperature: 1, tool_choice: { type: "tool", name: "plan_answer" } });
  });

  it.each([null, [], "text", {}, { choices: [] }, { choices: [{ message: { content: 5 } }] }, { content: [{ type: "text" }] }])(
    "finds no answer in %j, and no usage",
    (reply) => {
      for (const api of Object.values(APIS)) expect(api.read(reply)).toMatchObject({ usage: null, problem: expect.any(String) });
    },
  );

  it("reads JSON between fences, and counts what was paid for an answer that is none", () => {
    const reply = (content: string) => ({
      choices: [{ message: { content } }],
      usage: { prompt_tokens: 5, completion_tokens: 7 },
    });
    expect(APIS.chat.read(reply('```json\n{"a":1}\n```'))).toMatchObject({ value: { a: 1 }, problem: null });
    expect(APIS.chat.read(reply("no"))).toMatchObject({
      usage: { inputTokens: 5, outputTokens: 7 },
      problem: expect.stringContaining("no JSON"),
    });
  });
});

describe("the answer", () => {
  const answer = {
    recommendation: "approve",
    reasoning: "",
    risk_score: 0.1,
    complexity_score: 0.2,
    tasks: [
      {
        task_id: "task-1",
        task_type: "query",
        description: "",
        dependencies: [],
        estimated_duration_ms: 1,
        required_capabilities: [],
      },
    ],
  };

  it("is refused with an unknown field, a duration of nothing, or a number as text", () => {
    expect(readAnswer(answer).ok).toBe(true);
    const [task] = answer.tasks;
    for (const bad of [
      { ...answer, plan_id: "x" },
      { ...answer, tasks: [{ ...task, estimated_duration_ms: 0 }] },
      { ...answer, risk_score: "0.1" },
      null,
    ])
      expect(readAnswer(bad).ok).toBe(false);
  });

  it("goes out as a schema that names the classes, closed everywhere and without bounds", () => {
    const text = JSON.stringify(answerJsonSchema(["yes", "no"]));
    expect(text).toContain('"enum":["yes","no"]');
    expect(text.match(/"additionalProperties":false/g)).toHaveLength(2);
    expect(text).not.toMatch(/minimum|maximum|maxLength|minItems|\$schema/);
  });
});

describe("Budget", () => {
  it("lets no call begin that could pass the limit, and gives back what a call did not use", async () => {
    const budget = new Budget({ tokens: 100, usd: null, prices: null });
    const held = await budget.reserve({ inputTokens: 50, outputTokens: 40 });
    const second = budget.reserve({ inputTokens: 50, outputTokens: 20 });
    budget.settle(held, { inputTokens: 10, outputTokens: 10, usd: null });
    budget.settle(await second, null);
    await expect(budget.reserve({ inputTokens: 50, outputTokens: 40 })).rejects.toBeInstanceOf(BudgetSpent);
    expect(budget.spent).toEqual({ requests: 1, input_tokens: 10, output_tokens: 10, usd: 0 });
  });
});

describe("slots", () => {
  const classes = ["approve", "reject", "review_required", "conditional"];
  const quotas = { approve: 0.4, reject: 0.2, review_required: 0.25, conditional: 0.15 };

  it("meet the quotas to the plan and never ask for a risk that the label forbids", () => {
    const slots = dealSlots(quotas, { count: 997, classes, seed: 1, languages: ["en", "pt"] });
    expect(classes.map((name) => slots.filter(({ decision }) => decision === name).length)).toEqual([399, 199, 249, 150]);
    expect(slots.some(({ decision, risk }) => decision === "approve" && risk === "critical")).toBe(false);
    expect(slots.some(({ decision, risk }) => decision === "reject" && risk === "low")).toBe(false);
    expect(
      new Set(slots.map(({ domain, priority, risk, complexity }) => `${domain} ${priority} ${risk} ${complexity}`)).size,
    ).toBeGreaterThan(300);
  });

  it("refuse quotas that cannot be met", () => {
    const codeOf = (shares: Record<string, number>, count: number): string => {
      try {
        return dealShares(shares, count, classes).join();
      } catch (error) {
        return isRequeenError(error) ? error.code : "another";
      }
    };
    for (const [shares, count] of [
      [{ approve: 0.9 }, 100],
      [{ approve: 1.5, reject: -0.5 }, 100],
      [{ approve: 0.5, veto: 0.5 }, 100],
      [quotas, 3],
      [{ approve: Number.NaN, reject: 1 }, 10],
    ] as const)
      expect(codeOf({ ...shares }, count)).toBe("bad_parameter");
  });
});

describe("prompts", () => {
  const used = (template: string): string[] => [...template.matchAll(/\{([a-zA-Z]+)\}/g)].map(([, word = ""]) => word).sort();

  it("ask for the same things in both languages, and have a digest each", () => {
    expect(used(PROMPTS.pt.user)).toEqual(used(PROMPTS.en.user));
    expect(Object.keys(PROMPTS.pt.words)).toEqual(Object.keys(PROMPTS.en.words));
    expect(new Set(PROMPT_LANGUAGES.map((language) => promptDigest(PROMPTS[language]))).size).toBe(2);
  });

  it("are filled once: braces in a value stay, and a word without a value is a bug", () => {
    expect(fillPrompt("a {b} c", { b: "{d}" })).toBe("a {d} c");
    expect(() => fillPrompt("{b}", {})).toThrow("nothing fills");
  });
});
