/** Milliseconds as protobuf writes a time: "2025-01-01T00:00:00.123Z", without a fraction of zero. */
export function timeAnswer(timeMs: number | string | null): string {
  return new Date(Number(timeMs ?? 0)).toISOString().replace(".000Z", "Z");
}

/** Milliseconds as protobuf writes a duration: "1.500s", "2s". */
export function durationAnswer(durationMs: number): string {
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${(durationMs / 1000).toFixed(3)}s`;
}
