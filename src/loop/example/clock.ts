import type { House } from "../house.ts";

/** A house whose time is set by the example: labels and runs get the times that they would have had. Leases still go by the machine's clock. */
export interface SimulatedTime {
  readonly house: House;
  set(ms: number): void;
}

export function withSimulatedTime(house: House, startMs: number, actor: string): SimulatedTime {
  let nowMs = startMs;
  return {
    house: { ...house, now: () => nowMs, actor },
    set: (ms) => {
      nowMs = ms;
    },
  };
}

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;
