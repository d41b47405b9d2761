import { RequeenError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { hashWord } from "../../features/index.ts";
import { textsOf } from "./texts.ts";

const SHINGLE_SEED = 0x5eed0003;
/** Values of one signature; the error of an estimated similarity s is about sqrt(s (1 - s) / 64), at most 0.0625. */
const SIGNATURE_WIDTH = 64;
/** Two plans are compared when all values of one band agree; the widest band is taken that misses a pair at the limit at most so often. */
const BAND_WIDTHS = [16, 8, 4, 2] as const;
const MOST_MISSED = 1e-3;
/** Below this two plans may go uncompared too often for the limit to mean anything. */
export const LEAST_LIMIT = 0.5;

export interface NearDuplicate {
  /** The earlier plan that is most like it. */
  readonly planId: string;
  /** Estimated Jaccard similarity of the shingles, 0..1. */
  readonly similarity: number;
}

/**
 * What a plan says, as hashes of shingles: each run of three words of a description, and each task type with the types of what it waits
 * for. Ids, times and numbers of the plan do not enter, so a copy under another id is a copy.
 */
export function shinglesOf(plan: Plan, texts: readonly (readonly string[])[] = textsOf(plan)): Set<number> {
  const shingles = new Set<number>();
  const hashOf = (text: string): number => hashWord(text, SHINGLE_SEED);
  const typeOf = new Map(plan.tasks.map((task) => [task.task_id, task.task_type]));
  for (const [place, task] of plan.tasks.entries()) {
    const words = (texts[place] ?? []).map(hashOf);
    for (let first = 0; first < Math.max(1, words.length - 2); first++)
      shingles.add(mix(mix(mix(0, words[first]), words[first + 1]), words[first + 2]));
    const before = task.dependencies.map((id) => typeOf.get(id)).sort();
    shingles.add(hashOf(`${task.task_type} < ${before.join(",")}`));
  }
  return shingles;
}

/** One hash of a run of words from the hash of its beginning and the next word; a run may end early. */
const mix = (before: number, word: number | undefined): number => {
  const value = Math.imul(before ^ (word ?? 0x2545f491), 0x9e3779b1);
  return (value ^ (value >>> 13)) >>> 0;
};

/** Source: Broder 1997, with the hash functions h_i(x) = a_i x + b_i mod 2^32, then mixed. @returns uint32 [SIGNATURE_WIDTH] */
export function signatureOf(shingles: ReadonlySet<number>): Uint32Array {
  const signature = new Uint32Array(SIGNATURE_WIDTH).fill(0xffffffff);
  for (const shingle of shingles)
    for (let index = 0; index < SIGNATURE_WIDTH; index++) {
      let value = Math.imul(shingle ^ (SALTS[index] ?? 0), 0x9e3779b1);
      value = (value ^ (value >>> 15)) >>> 0;
      if (value < (signature[index] ?? 0)) signature[index] = value;
    }
  return signature;
}

const SALTS = Uint32Array.from({ length: SIGNATURE_WIDTH }, (_, index) => hashWord(`salt ${index}`, SHINGLE_SEED));

/** The plans taken so far, and for a new one the one most like it. Cost: of a plan, its shingles times 64, plus the plans that share a band. */
export class DuplicateIndex {
  readonly #limit: number;
  readonly #bandWidth: number;
  readonly #planIds: string[] = [];
  /** uint32 [capacity x SIGNATURE_WIDTH], one row for each plan taken; doubled when full. */
  #signatures = new Uint32Array(256 * SIGNATURE_WIDTH);
  /** uint8 [capacity x SIGNATURE_WIDTH]: the last bits of each value. One line of memory instead of four tells most comparisons. */
  #sketches = new Uint8Array(256 * SIGNATURE_WIDTH);
  /** uint32 [capacity]. The last search that looked at a plan, so that it is compared once however many bands it shares. */
  #lookedAt = new Uint32Array(256);
  #searches = 0;
  readonly #bands = new Map<number, number[]>();
  #nearestSum = 0;
  #nearestMost = 0;

  /** @param limit similarity in [0.5, 1] from which on a plan is a near-duplicate. @throws bad_parameter */
  constructor(limit: number) {
    if (!(limit >= LEAST_LIMIT && limit <= 1))
      throw new RequeenError("bad_parameter", `limit of DuplicateIndex must be in [${LEAST_LIMIT}, 1]; got ${limit}`);
    this.#limit = limit;
    this.#bandWidth = BAND_WIDTHS.find((width) => (1 - limit ** width) ** (SIGNATURE_WIDTH / width) <= MOST_MISSED) ?? 2;
  }

  /** Takes a plan unless it is a near-duplicate of one taken before, which is then returned. */
  add(plan: Plan, texts?: readonly (readonly string[])[]): NearDuplicate | null {
    return this.addSignature(plan.plan_id, signatureOf(shinglesOf(plan, texts)));
  }

  /** The same of a plan whose signature is known. @param signature uint32 [SIGNATURE_WIDTH], copied */
  addSignature(planId: string, signature: Uint32Array): NearDuplicate | null {
    const keys = bandsOf(signature, this.#bandWidth);
    const nearest = this.#nearest(signature, keys);
    if (nearest !== null && nearest.similarity >= this.#limit) return nearest;
    const place = this.#keep(planId, signature);
    for (const key of keys) {
      const others = this.#bands.get(key);
      if (others) others.push(place);
      else this.#bands.set(key, [place]);
    }
    this.#nearestSum += nearest?.similarity ?? 0;
    this.#nearestMost = Math.max(this.#nearestMost, nearest?.similarity ?? 0);
    return null;
  }

  /** How alike the plans that were taken are: of each, its similarity to the most like one before it (0 if none shared a band). */
  summary(): { plans: number; meanNearest: number; highestNearest: number } {
    const plans = this.#planIds.length;
    return { plans, meanNearest: plans > 0 ? this.#nearestSum / plans : 0, highestNearest: this.#nearestMost };
  }

  #keep(planId: string, signature: Uint32Array): number {
    const place = this.#planIds.push(planId) - 1;
    if (place === this.#lookedAt.length) {
      const [signatures, sketches, lookedAt] = [this.#signatures, this.#sketches, this.#lookedAt];
      this.#signatures = new Uint32Array(2 * signatures.length);
      this.#signatures.set(signatures);
      this.#sketches = new Uint8Array(2 * sketches.length);
      this.#sketches.set(sketches);
      this.#lookedAt = new Uint32Array(2 * lookedAt.length);
      this.#lookedAt.set(lookedAt);
    }
    this.#signatures.set(signature, place * SIGNATURE_WIDTH);
    this.#sketches.set(signature, place * SIGNATURE_WIDTH);
    return place;
  }

  #nearest(signature: Uint32Array, keys: readonly number[]): NearDuplicate | null {
    const search = ++this.#searches;
    const [signatures, sketches, lookedAt] = [this.#signatures, this.#sketches, this.#lookedAt];
    const sketch = Uint8Array.from(signature);
    let nearest = -1;
    let most = 0;
    for (const key of keys)
      for (const place of this.#bands.get(key) ?? []) {
        if (lookedAt[place] === search) continue;
        lookedAt[place] = search;
        // equal values have equal last bits, so that this count is never too low
        if (nearest >= 0 && equalBytes(sketch, sketches, place * SIGNATURE_WIDTH, most) <= most) continue;
        const equal = equalValues(signature, signatures, place * SIGNATURE_WIDTH, most);
        if (nearest < 0 || equal > most) [nearest, most] = [place, equal];
      }
    const planId = this.#planIds[nearest];
    return planId === undefined ? null : { planId, similarity: most / SIGNATURE_WIDTH };
  }
}

/** A key for each band: its place and its values in one number below 2^53. Two bands that meet by chance only cost a comparison. */
function bandsOf(signature: Uint32Array, width: number): number[] {
  const keys: number[] = [];
  for (let first = 0; first < SIGNATURE_WIDTH; first += width) {
    let key = first;
    for (let index = first; index < first + width; index++) key = mix(key, signature[index]);
    keys.push(first * 0x1_0000_0000 + key);
  }
  return keys;
}

/** Share of equal values of two signatures: an unbiased estimate of the Jaccard similarity. */
export const agreement = (first: Uint32Array, second: Uint32Array): number => equalValues(first, second, 0, 0) / SIGNATURE_WIDTH;

/**
 * Number of places at which a signature equals the one that begins at `from` of `signatures`; fewer are told, after each quarter, once it is
 * sure that there are no more than `toBeat`.
 */
function equalValues(signature: Uint32Array, signatures: Uint32Array, from: number, toBeat: number): number {
  let equal = 0;
  for (let index = 0; index < SIGNATURE_WIDTH; ) {
    for (const end = index + SIGNATURE_WIDTH / 4; index < end; index++)
      if (signature[index] === signatures[from + index]) equal++;
    if (equal + SIGNATURE_WIDTH - index <= toBeat) break;
  }
  return equal;
}

/** The same of sketches; a function of its own, since one that takes both kinds of arrays is several times slower. */
function equalBytes(sketch: Uint8Array, sketches: Uint8Array, from: number, toBeat: number): number {
  let equal = 0;
  for (let index = 0; index < SIGNATURE_WIDTH; ) {
    for (const end = index + SIGNATURE_WIDTH / 4; index < end; index++) if (sketch[index] === sketches[from + index]) equal++;
    if (equal + SIGNATURE_WIDTH - index <= toBeat) break;
  }
  return equal;
}
