import { RequeenError } from "../../../core/errors.ts";
import type { Usage } from "./apis.ts";

export interface BudgetLimits {
  /** Input and output tokens together; null = no limit. */
  readonly tokens: number | null;
  readonly usd: number | null;
  /** USD for a million tokens; null = not known, and then no limit in USD can be held. */
  readonly prices: { readonly input: number; readonly output: number } | null;
}

/** Thrown when the next call could pass the limit; nothing was sent. Not an error of the caller: the set ends short. */
export class BudgetSpent extends Error {}

export interface Spent {
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly usd: number;
}

/**
 * What may be spent. A call is sent only when its worst case (the whole prompt, the most tokens that it may answer) still fits beside what is
 * spent and under way: the limit is never passed by a call of ours, as long as the provider holds to its own limit of tokens.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  #requests = 0;
  #input = 0;
  #output = 0;
  #usd = 0;
  readonly #underWay = new Set<Usage>();
  #waiting: (() => void)[] = [];

  /** @throws RequeenError bad_parameter */
  constructor(limits: BudgetLimits) {
    for (const [name, value] of [
      ["--budget-tokens", limits.tokens],
      ["--budget-cost", limits.usd],
    ] as const)
      if (value !== null && !(value > 0))
        throw new RequeenError("bad_parameter", `${name} must be above 0, or nothing can be asked; got ${value}`);
    if (limits.usd !== null && limits.prices === null)
      throw new RequeenError(
        "bad_parameter",
        "--budget-cost needs the prices: give --input-price and --output-price, USD for a million tokens",
      );
    this.#limits = limits;
  }

  get spent(): Spent {
    return { requests: this.#requests, input_tokens: this.#input, output_tokens: this.#output, usd: round(this.#usd) };
  }

  /** Holds the worst case of a call until it is settled; waits while calls under way may still give something back. @throws BudgetSpent */
  async reserve(worst: { readonly inputTokens: number; readonly outputTokens: number }): Promise<Usage> {
    const held: Usage = { ...worst, usd: null };
    for (;;) {
      const over = this.#over(held);
      if (over === null) break;
      if (this.#underWay.size === 0) throw new BudgetSpent(over);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#underWay.add(held);
    return held;
  }

  /** Ends a reservation. `used` null: nothing was paid (the call was refused before any answer). */
  settle(held: Usage, used: Usage | null): void {
    this.#underWay.delete(held);
    if (used !== null) this.count(used);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Counts what was paid, now or by an earlier process. */
  count(used: Usage): void {
    this.#requests += 1;
    this.#input += used.inputTokens;
    this.#output += used.outputTokens;
    this.#usd += this.#cost(used);
  }

  #cost({ inputTokens, outputTokens, usd }: Usage): number {
    const { prices } = this.#limits;
    const byPrice = prices === null ? 0 : (inputTokens * prices.input + outputTokens * prices.output) / 1e6;
    // the dearer of the two holds: a provider's own figure may leave out what is billed later
    return Math.max(byPrice, usd ?? 0);
  }

  #over(next: Usage): string | null {
    const all = [...this.#underWay, next];
    const tokens =
      this.#input + this.#output + all.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
    const { tokens: mostTokens, usd: mostUsd } = this.#limits;
    if (mostTokens !== null && tokens > mostTokens)
      return `the budget of ${mostTokens} tokens is used up: ${this.#input + this.#output} were spent and the next call may take ${next.inputTokens + next.outputTokens}`;
    const usd = this.#usd + all.reduce((sum, usage) => sum + this.#cost(usage), 0);
    if (mostUsd !== null && usd > mostUsd)
      return `the budget of ${mostUsd} USD is used up: ${round(this.#usd)} were spent and the next call may take ${round(this.#cost(next))}`;
    return null;
  }
}

const round = (usd: number): number => Math.round(usd * 1e8) / 1e8;
