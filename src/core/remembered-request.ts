/** The answer of a request, kept so that the same request again gets the same. */
export interface RememberedAnswer {
  readonly status: number;
  readonly media_type: string;
  readonly body: string;
}

/** A request with an Idempotency-Key; collection `remembered_requests`. */
export interface RememberedRequest {
  /** Of who asks and their key; see http/idempotency.ts. */
  readonly key: string;
  /** Of method, address and body: the same key with another one is a mistake of the caller. */
  readonly digest: string;
  /** The process that works on it, or did. */
  readonly owner: string;
  /** Until when its owner may work on it, ms; afterwards another may take it over. */
  readonly claimed_until: number;
  /** When it first came, ms: what it stores is dated so, also when it is done again after a crash. */
  readonly at: number;
  readonly expires_at: number;
  /** Null: it is being worked on, or its process ended in the middle. */
  readonly answer: RememberedAnswer | null;
}
