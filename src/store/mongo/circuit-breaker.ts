import { RequeenError } from "../../core/errors.ts";
import type { Circuit } from "../store.ts";

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open before one call may try, ms. */
  readonly pauseMs: number;
  /** A clock that never goes back, ms. */
  readonly nowMs: () => number;
  /** What cannot be reached, for messages; no secrets. */
  readonly place: string;
}

/**
 * How much a failure says: `answered`: the server is there, it refused; `moment`: its line or its role broke, it may be back at once;
 * `waited`: it did not answer for as long as we wait for anything; `nothing`: the failure is our own.
 */
export type Weight = "answered" | "moment" | "waited" | "nothing";

/**
 * Stops asking a server that is away: while it is open, calls fail at once instead of each waiting for its own timeout. After a pause one
 * call tries, alone; its success closes the circuit, its failure opens it for another pause. Needs no restart and no thread.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #weigh: (error: unknown) => Weight;
  #failures = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Null: closed. */
  #openUntilMs: number | null = null;
  #probing = false;

  constructor(options: BreakerOptions, weigh: (error: unknown) => Weight) {
    this.#options = options;
    this.#weigh = weigh;
  }

  /** @throws RequeenError store_unavailable at once while the circuit is open; else whatever `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const isProbe = this.#enter();
    const beganAtMs = this.#options.nowMs();
    try {
      const value = await work();
      this.#answered();
      return value;
    } catch (error) {
      this.#failed(this.#weigh(error), beganAtMs, isProbe);
      throw error;
    } finally {
      if (isProbe) this.#probing = false;
    }
  }

  get circuit(): Circuit {
    if (this.#openUntilMs === null) return { state: "closed", retry_after_ms: 0 };
    const waitMs = this.#openUntilMs - this.#options.nowMs();
    return waitMs > 0 ? { state: "open", retry_after_ms: waitMs } : { state: "half_open", retry_after_ms: 0 };
  }

  /** @returns whether this call is the one that tries. */
  #enter(): boolean {
    const { state, retry_after_ms } = this.circuit;
    if (state === "closed") return false;
    if (state === "half_open" && !this.#probing) {
      this.#probing = true;
      return true;
    }
    const { place } = this.#options;
    throw new RequeenError("store_unavailable", `the MongoDB ${place} does not answer; it is tried again in a moment`, {
      place,
      circuit: state,
      retry_after_seconds: Math.max(1, retry_after_ms / 1_000),
    });
  }

  /** Also closes it for a call that began before it opened: the server answers. */
  #answered(): void {
    this.#answeredAtMs = this.#options.nowMs();
    this.#failures = 0;
    this.#openUntilMs = null;
  }

  #failed(weight: Weight, beganAtMs: number, isProbe: boolean): void {
    const { failures, pauseMs, nowMs } = this.#options;
    if (weight === "nothing") return;
    if (weight === "answered") {
      this.#answered();
      return;
    }
    this.#failures += 1;
    // a long wait proves that the server is away, unless it answered others meanwhile: then this one call was slow
    const provesIt = weight === "waited" && this.#answeredAtMs < beganAtMs;
    if (isProbe || provesIt || this.#failures >= failures) this.#openUntilMs = nowMs() + pauseMs;
  }
}
