/** A stored vector: float64, little-endian (as every machine that Node runs on), NaN = missing. */
export function vectorToBytes(values: readonly (number | null)[]): Uint8Array {
  const vector = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) vector[index] = values[index] ?? Number.NaN;
  return new Uint8Array(vector.buffer);
}

/** A copy: the bytes of a driver need not be aligned to 8. */
export function bytesToVector(bytes: Uint8Array): Float64Array {
  const vector = new Float64Array(bytes.byteLength / 8);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}

export const vectorToValues = (vector: Float64Array): (number | null)[] =>
  Array.from(vector, (value) => (Number.isNaN(value) ? null : value));
