/** The least integer that no value which is there exceeds; see trees.as. */
export const INFINITE = 0x7f800000;
const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** A float32 as an integer in the order of the floats; 0 and -0 are the same. */
export function orderOf(value: number): number {
  float[0] = value + 0;
  return bits[0] ^ ((bits[0] >> 31) & 0x7fffffff);
}
