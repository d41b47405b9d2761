import type { SeededRandom } from "../../engine/seeded-random.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** 9:00 to 12:00 and 13:00 to 17:30 in São Paulo (UTC-3), as hours UTC. */
const SHIFTS = [
  [12, 15],
  [16, 20.5],
] as const;

/** The first instant at or after `ms` at which people work: Monday to Friday, in a shift. */
export function nextWorkingMs(ms: number): number {
  for (let day = Math.floor(ms / DAY_MS); ; day++) {
    const weekday = (day + 4) % 7; // day 0 was a Thursday; 0 = Sunday
    if (weekday === 0 || weekday === 6) continue;
    for (const [from, to] of SHIFTS) {
      const [start, end] = [day * DAY_MS + from * HOUR_MS, day * DAY_MS + to * HOUR_MS];
      if (ms < end) return Math.max(ms, start);
    }
  }
}

/** The instants at which one person hands in reviews: some minutes each, sittings of a few, longer gaps between, nights and weekends off. */
export function* reviewTimes(random: SeededRandom, startMs: number): Generator<number, never> {
  let now = nextWorkingMs(startMs + random.next() * 3 * HOUR_MS);
  for (;;) {
    const sitting = 4 + random.nextInt(9);
    for (let review = 0; review < sitting; review++) {
      now = nextWorkingMs(now + 2.5 * MINUTE_MS * Math.exp(0.6 * random.nextNormal()));
      yield Math.round(now);
    }
    now = nextWorkingMs(now + (0.7 + 2.3 * random.next()) * HOUR_MS);
  }
}
