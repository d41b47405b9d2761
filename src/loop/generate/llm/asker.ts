import { setTimeout as sleep } from "node:timers/promises";
import { RequeenError } from "../../../core/errors.ts";
import type { SeededRandom } from "../../../engine/seeded-random.ts";
import type { Ask, ReadReply, Usage } from "./apis.ts";
import type { Budget } from "./budget.ts";
import type { Journal } from "./journal.ts";
import type { Provider } from "./providers.ts";
import { sendOnce } from "./send.ts";

/** Tries of one question: refusals that pass by, calls that were lost, and answers that cannot be read. */
const MOST_TRIES = 4;
/** So many questions in a row without any answer: the provider is away, not unlucky. */
const MOST_SILENT = 5;
/** A token is rarely less than three bytes of text. */
const BYTES_A_TOKEN = 3;

export type Question = Pick<Ask, "system" | "user" | "schema" | "temperature" | "maxTokens">;
export type Asked = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "no_answer"; readonly why: string };

export interface AskerParts {
  readonly provider: Provider;
  readonly budget: Budget;
  readonly journal: Journal;
  readonly timeoutMs: number;
  /** The first pause; each next one is twice as long. */
  readonly backoffMs: number;
  /** Spreads the pauses, so that calls that failed together do not come back together. */
  readonly random: SeededRandom;
  /** Aborted: no call is sent any more; those under way are waited for, since they are paid. */
  readonly signal: AbortSignal;
}

/** Asks one provider, paying each answer once: what the journal holds is not asked again. */
export class Asker {
  readonly #parts: AskerParts;
  #silent = 0;

  constructor(parts: AskerParts) {
    this.#parts = parts;
    for (const entry of parts.journal.entries) parts.budget.count("body" in entry ? this.#usageOf(entry) : lostUsage(entry.lost));
  }

  /**
   * @param key names the question within the set: the same key, the same question.
   * @throws BudgetSpent; RequeenError provider_refused, provider_unavailable, disk_full, store_read_only; the signal's reason.
   */
  async ask(key: string, question: Question): Promise<Asked> {
    const tries = Array.from({ length: MOST_TRIES }, (_, attempt) => `${key}.${attempt}`);
    const paid = new Map(tries.flatMap((name) => this.#paid(name)));
    // all that is paid is looked at first: a try before it may have been refused, and left nothing in the journal
    for (const reply of paid.values()) if (reply.problem === null) return { kind: "value", value: reply.value };
    let why = [...paid.values()].at(-1)?.problem ?? "";
    for (const [attempt, name] of tries.entries()) {
      if (paid.has(name)) continue;
      const sent = await this.#send(name, question);
      if ("body" in sent) {
        const { value, problem } = this.#read(sent.body);
        if (problem === null) {
          this.#silent = 0;
          return { kind: "value", value };
        }
        why = problem;
      } else why = sent.why;
      if (attempt + 1 < MOST_TRIES) await this.#pause(attempt, "body" in sent ? null : sent.waitMs);
    }
    this.#silent += 1;
    if (this.#silent >= MOST_SILENT)
      throw new RequeenError(
        "provider_unavailable",
        `${MOST_SILENT} questions in a row got no answer that can be read; the last: ${why}`,
        { provider: this.#parts.provider.name },
      );
    return { kind: "no_answer", why };
  }

  #paid(name: string): [string, ReadReply][] {
    const body = this.#parts.journal.find(name);
    return body === null ? [] : [[name, this.#read(body)]];
  }

  async #send(key: string, question: Question): Promise<{ body: string } | { why: string; waitMs: number | null }> {
    const { provider, budget, journal, timeoutMs, signal } = this.#parts;
    signal.throwIfAborted();
    const ask: Ask = { ...question, model: provider.model, takesSchema: provider.schema, limitName: provider.limitName };
    const body = JSON.stringify(provider.api.body(ask));
    const worst = { inputTokens: Math.ceil(Buffer.byteLength(body) / BYTES_A_TOKEN), outputTokens: question.maxTokens };
    const held = await budget.reserve(worst);
    let used: Usage | null = null;
    try {
      const sent = await sendOnce(provider, body, timeoutMs);
      if (sent.kind === "retry") return sent;
      used = held;
      if (sent.kind === "lost") {
        await journal.append({ key, lost: { input: worst.inputTokens, output: worst.outputTokens } });
        return { why: sent.why, waitMs: null };
      }
      const entry = { key, body: sent.body, input: worst.inputTokens };
      await journal.append(entry);
      used = this.#usageOf(entry);
      return sent;
    } finally {
      budget.settle(held, used);
    }
  }

  /** What a paid body cost. A provider that does not say is counted by the length of what went and came. */
  #usageOf({ body, input }: { body: string; input: number }): Usage {
    const { usage } = this.#read(body);
    return usage ?? { inputTokens: input, outputTokens: Math.ceil(Buffer.byteLength(body) / BYTES_A_TOKEN), usd: null };
  }

  #read(body: string): ReadReply {
    try {
      return this.#parts.provider.api.read(JSON.parse(body));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return { usage: null, value: null, problem: "the reply is no JSON" };
    }
  }

  async #pause(attempt: number, waitMs: number | null): Promise<void> {
    const { backoffMs, random, signal } = this.#parts;
    const ms = waitMs ?? backoffMs * 2 ** attempt * (0.75 + 0.5 * random.next());
    await sleep(ms, undefined, { signal });
  }
}

const lostUsage = ({ input, output }: { input: number; output: number }): Usage => ({
  inputTokens: input,
  outputTokens: output,
  usd: null,
});
