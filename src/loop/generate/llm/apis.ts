/** The two forms in which providers are asked: chat completions (OpenAI and those compatible with it) and messages (Anthropic). */

export interface Ask {
  readonly model: string;
  readonly system: string;
  readonly user: string;
  /** Of the answer. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Whether the provider takes the schema itself; else it stands in the prompt alone. */
  readonly takesSchema: boolean;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly limitName: "max_tokens" | "max_completion_tokens";
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** As the provider says; null = it does not. */
  readonly usd: number | null;
}

/** What a 200 answer says. `problem`: why it cannot be used, although it was paid. */
export interface ReadReply {
  /** Null: the provider did not say. */
  readonly usage: Usage | null;
  readonly value: unknown;
  readonly problem: string | null;
}

export interface Api {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  body(ask: Ask): unknown;
  read(reply: unknown): ReadReply;
}

const ANSWER_NAME = "plan_answer";
const JSON_HEADERS = { "content-type": "application/json", accept: "application/json" } as const;

const chat: Api = {
  path: "/chat/completions",
  headers: JSON_HEADERS,
  body: ({ model, system, user, schema, takesSchema, temperature, maxTokens, limitName }) => ({
    model,
    messages: [
      { role: "system", content: system },
      { role: "user", content: user },
    ],
    temperature,
    [limitName]: maxTokens,
    response_format: takesSchema
      ? { type: "json_schema", json_schema: { name: ANSWER_NAME, strict: true, schema } }
      : { type: "json_object" },
  }),
  read: (reply) => {
    const choice = at(at(reply, "choices"), 0);
    const content = at(at(choice, "message"), "content");
    const usage = usageOf(reply, "prompt_tokens", "completion_tokens");
    const ended = at(choice, "finish_reason");
    if (ended === "length") return unusable(usage, "the answer was cut short at the limit of tokens");
    if (ended === "content_filter") return unusable(usage, "the provider's filter stopped the answer");
    if (typeof content !== "string") return unusable(usage, "the reply holds no text");
    return fromText(usage, content);
  },
};

const messages: Api = {
  path: "/messages",
  headers: { ...JSON_HEADERS, "anthropic-version": "2023-06-01" },
  body: ({ model, system, user, schema, temperature, maxTokens }) => ({
    model,
    system,
    messages: [{ role: "user", content: user }],
    temperature: Math.min(1, temperature),
    max_tokens: maxTokens,
    tools: [{ name: ANSWER_NAME, description: "Takes the plan.", input_schema: schema }],
    tool_choice: { type: "tool", name: ANSWER_NAME },
  }),
  read: (reply) => {
    const usage = usageOf(reply, "input_tokens", "output_tokens");
    if (at(reply, "stop_reason") === "max_tokens") return unusable(usage, "the answer was cut short at the limit of tokens");
    const content = at(reply, "content");
    const call = Array.isArray(content) ? content.find((part) => at(part, "type") === "tool_use") : undefined;
    const input = at(call, "input");
    return input === undefined ? unusable(usage, "the reply holds no tool call") : { usage, value: input, problem: null };
  },
};

export const APIS = { chat, messages } as const satisfies Record<string, Api>;

const unusable = (usage: Usage | null, problem: string): ReadReply => ({ usage, value: null, problem });

/** Some models put JSON between fences although they were asked not to. */
function fromText(usage: Usage | null, text: string): ReadReply {
  const bare = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text)?.[1] ?? text;
  try {
    return { usage, value: JSON.parse(bare), problem: null };
  } catch {
    return unusable(usage, `the answer is no JSON (${text.length} characters)`);
  }
}

function usageOf(reply: unknown, input: string, output: string): Usage | null {
  const usage = at(reply, "usage");
  const [inputTokens, outputTokens, cost] = [at(usage, input), at(usage, output), at(usage, "cost")];
  if (!isCount(inputTokens) || !isCount(outputTokens)) return null;
  return { inputTokens, outputTokens, usd: typeof cost === "number" && cost >= 0 && Number.isFinite(cost) ? cost : null };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** A member of something unknown; undefined where there is none. */
function at(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}
