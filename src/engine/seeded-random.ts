import { log } from "./exact-math.ts";
/**
 * The one source of randomness of engine, features and decide: the same seed gives the same numbers on every machine.
 * Only 32-bit integer operations are used, so no rounding of a platform can enter.
 */

/** One step of murmur3's finaliser: spreads each input bit over all 32 output bits. Source: Appleby, MurmurHash3 (public domain). */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * A new seed from a seed and a position, for example (seed, tree) or (seed, tree, fold): independent of how many numbers were drawn.
 * @returns an integer in [0, 2^32).
 */
export function deriveSeed(seed: number, ...position: readonly number[]): number {
  let key = mix32(lowBits(seed) ^ mix32(highBits(seed) + 0x9e3779b9));
  for (const part of position) key = mix32(Math.imul(key, 0x9e3779b1) + lowBits(part) + 0x7f4a7c15);
  return key;
}

const lowBits = (value: number): number => value >>> 0;
const highBits = (value: number): number => Math.floor(value / 4294967296) >>> 0;

/** xoshiro128** (Blackman and Vigna 2018): period 2^128 - 1, state filled from the seed through `mix32`. */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private spareNormal: number | null = null;

  /** @param seed a safe integer, 0 or greater. Distinct seeds give unrelated sequences. */
  constructor(seed: number) {
    const key = deriveSeed(seed);
    this.a = mix32(key + 0x9e3779b9);
    this.b = mix32(key + 0x3c6ef372);
    this.c = mix32(key + 0xdaa66d2b);
    this.d = mix32(key + 0x78dde6e4) | 1; // the state must not be all zero
  }

  /** An integer in [0, 2^32). */
  nextUint32(): number {
    const times5 = Math.imul(this.b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** An integer in [0, bound), without bias. @param bound an integer in [1, 2^32]. */
  nextInt(bound: number): number {
    for (;;) {
      const drawn = this.nextUint32();
      const kept = drawn % bound;
      // of the last, incomplete run of `bound` numbers none is taken
      if (drawn - kept <= 4294967296 - bound) return kept;
    }
  }

  /** A draw from the normal distribution of mean 0 and variance 1. Source: Marsaglia's polar method. */
  nextNormal(): number {
    if (this.spareNormal !== null) {
      const spare = this.spareNormal;
      this.spareNormal = null;
      return spare;
    }
    let u = 0;
    let v = 0;
    let square = 0;
    do {
      u = 2 * this.next() - 1;
      v = 2 * this.next() - 1;
      square = u * u + v * v;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * log(square)) / square);
    this.spareNormal = v * factor;
    return u * factor;
  }

  /** Shuffles `values` in place (Fisher and Yates) and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(values: T): T {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.nextInt(last + 1);
      const kept = values[last];
      values[last] = values[other];
      values[other] = kept;
    }
    return values;
  }
}
