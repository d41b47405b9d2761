import { load, save } from "../parts/remember.ts";
import { isPassing } from "./problem.ts";

/** A decision that was made and is not known to have arrived. */
export interface Waiting {
  readonly claimId: string;
  readonly body: { readonly decision: string; readonly rating: number | null; readonly notes: string };
  /** The same for every attempt, so that a repeat has no second effect. */
  readonly key: string;
}

export type Delivery<Answer> =
  | { readonly state: "sent"; readonly answer: Answer }
  | { readonly state: "waiting"; readonly error: unknown }
  | { readonly state: "refused"; readonly error: unknown };

const isWaiting = (value: unknown): value is Waiting =>
  typeof value === "object" && value !== null && "claimId" in value && "body" in value && "key" in value;

/** Decisions that wait in this browser for the server to be back, oldest first; they outlive the page. One list a person. */
export class Outbox<Answer> {
  readonly #name: string;
  readonly #send: (waiting: Waiting) => Promise<Answer>;
  #items: readonly Waiting[];
  readonly #listeners = new Set<() => void>();

  constructor(subject: string, send: (waiting: Waiting) => Promise<Answer>) {
    this.#name = `outbox.${subject}`;
    this.#send = send;
    this.#items = readItems(load(this.#name));
  }

  get items(): readonly Waiting[] {
    return this.#items;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Keeps the decision first, then sends it: a page that is closed between the two loses nothing. */
  async deliver(waiting: Waiting): Promise<Delivery<Answer>> {
    this.#keep([...this.#items.filter(({ key }) => key !== waiting.key), waiting]);
    try {
      const answer = await this.#send(waiting);
      this.#remove(waiting);
      return { state: "sent", answer };
    } catch (error) {
      if (isPassing(error)) return { state: "waiting", error };
      this.#remove(waiting);
      return { state: "refused", error };
    }
  }

  #remove(waiting: Waiting): void {
    this.#keep(this.#items.filter(({ key }) => key !== waiting.key));
  }

  #keep(items: readonly Waiting[]): void {
    this.#items = items;
    save(this.#name, items.length === 0 ? null : JSON.stringify(items));
    for (const listener of this.#listeners) listener();
  }
}

function readItems(text: string | null): readonly Waiting[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter(isWaiting) : [];
  } catch {
    return [];
  }
}
