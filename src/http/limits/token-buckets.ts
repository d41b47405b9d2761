export interface BucketOptions {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
  /** Buckets kept; of more, the one that was used longest ago is forgotten, and is full again when its key comes back. */
  readonly maxKeys: number;
}

const ROUNDING = 1e-9;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket for each key, in memory. Times in ms since any fixed moment; a clock that goes back gives no tokens. */
export class TokenBuckets {
  readonly #options: BucketOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** Takes a token. @returns 0, or, when there is none, the ms until there will be one. */
  take(key: string, nowMs: number): number {
    const bucket = this.#filled(key, nowMs);
    const waitMs = this.#waitOf(bucket);
    if (waitMs === 0) bucket.tokens -= 1;
    this.#keep(key, bucket);
    return waitMs;
  }

  /** As `take`, but leaves the token. */
  wait(key: string, nowMs: number): number {
    return this.#waitOf(this.#filled(key, nowMs));
  }

  get size(): number {
    return this.#buckets.size;
  }

  #filled(key: string, nowMs: number): Bucket {
    const { perSecond, burst } = this.#options;
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { tokens: burst, atMs: nowMs };
    const gained = (Math.max(0, nowMs - bucket.atMs) / 1_000) * perSecond;
    return { tokens: Math.min(burst, bucket.tokens + gained), atMs: nowMs };
  }

  #waitOf({ tokens }: Bucket): number {
    // sums of parts of a token are a little less than they should be
    const missing = 1 - tokens - ROUNDING;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#options.perSecond) * 1_000);
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key); // a map is in the order of insertion: the first is the one used longest ago
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#options.maxKeys) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
