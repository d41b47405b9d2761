import { randomBytes } from "node:crypto";
import { isEnded, type Run, type RunState, type RunStep } from "../core/run.ts";
import type { House } from "./house.ts";
import { currentStep, type RunEvent } from "./run-steps.ts";
import { readStatus, type SpecialistStatus } from "./status.ts";

/** Where a run stands. */
export interface RunProgress {
  readonly run_id: string;
  readonly specialist: string;
  readonly state: RunState;
  /** Null: all steps are done. */
  readonly step: RunStep | null;
  readonly phase: "started" | "progress" | "done";
  /** Of the step, 0..1. */
  readonly share: number;
}

export interface FeedbackCounts {
  readonly specialist: string;
  readonly human_labels: number;
  readonly machine_labels: number;
  readonly new_labels: number;
}

/** What changes while somebody looks. `status`: the line of one specialist; `run`: a run's step; `feedback`: the counts of labels. */
export type LiveEvent =
  | { readonly type: "status"; readonly data: SpecialistStatus }
  | { readonly type: "run"; readonly data: RunProgress }
  | { readonly type: "feedback"; readonly data: FeedbackCounts };

/** Ids are `<process>-<number>`: one of another process is not known here. */
export type NumberedEvent = LiveEvent & { readonly id: string };
export type EventListener = (event: NumberedEvent) => void;

export interface Events {
  /** For DriveOptions.onEvent of runs that this process drives: their progress is told at once. */
  readonly onRunEvent: (event: RunEvent) => void;
  /** Something was written here: the counts are looked at soon. */
  touch(): void;
  /**
   * Hears of every change from now on. First comes what was missed since `lastId`; where that is not known any more, or null, the present
   * status of every specialist.
   * @returns how to stop.
   */
  subscribe(listener: EventListener, lastId: string | null): () => void;
  close(): void;
}

export interface EventsOptions {
  /** How often runs of other processes are looked at while somebody listens, milliseconds. */
  readonly runsEveryMs?: number;
  /** How often the status is, when nothing was written here, milliseconds. */
  readonly statusEveryMs?: number;
}

/** Events kept for listeners that come back. */
const KEPT = 500;
const SETTLE_MS = 250;
const LEAST_STEP = 0.01;
/** Rest between two looks at the status, in times that the last one took. */
const REST_AFTER_LOOK = 10;

/** Nothing is read from the store while nobody listens. */
export function openEvents(house: House, { runsEveryMs = 2_000, statusEveryMs = 15_000 }: EventsOptions = {}): Events {
  const process = randomBytes(4).toString("hex");
  const listeners = new Set<EventListener>();
  const kept: NumberedEvent[] = [];
  const said = new Map<string, { status: string; counts: string; line: SpecialistStatus }>();
  const seenRuns = new Map<string, string>();
  const shares = new Map<string, number>();
  let number = 0;
  let closed = false;
  let quietUntil = 0;
  let runsTimer: NodeJS.Timeout | null = null;
  let statusTimer: NodeJS.Timeout | null = null;
  let reading: Promise<void> | null = null;

  const publish = (event: LiveEvent): void => {
    number += 1;
    const numbered = { ...event, id: `${process}-${number}` };
    kept.push(numbered);
    if (kept.length > KEPT) kept.shift();
    for (const listener of listeners) listener(numbered);
  };

  const lookAtStatus = async (): Promise<void> => {
    const begunAt = performance.now();
    for (const line of (await readStatus(house)).specialists) {
      const { specialist, human_labels, machine_labels, new_labels } = line;
      const counts: FeedbackCounts = { specialist, human_labels, machine_labels, new_labels };
      const [status, countsText] = [JSON.stringify(line), JSON.stringify(counts)];
      const before = said.get(specialist);
      said.set(specialist, { status, counts: countsText, line });
      if (before?.counts !== countsText) publish({ type: "feedback", data: counts });
      if (before?.status !== status) publish({ type: "status", data: line });
    }
    // a store that counts for long is not asked all the time
    const tookMs = performance.now() - begunAt;
    quietUntil = begunAt + tookMs * (1 + REST_AFTER_LOOK);
  };
  const lookAtRuns = async (): Promise<void> => {
    const { items } = await house.store.listRuns({ state: "running" }, { limit: 100 });
    const running = new Set(items.map(({ run_id }) => run_id));
    for (const run of items) tellRun(run);
    for (const id of [...seenRuns.keys()].filter((known) => !running.has(known))) {
      const run = await house.store.getRun(id);
      if (run !== null) tellRun(run);
      seenRuns.delete(id);
      shares.delete(id);
      lookSoon();
    }
  };
  const tellRun = (run: Run): void => {
    const step = currentStep(run);
    const begun = run.steps.find((record) => record.step === step && record.ended_at === null);
    const place = JSON.stringify([run.state, step, begun?.attempts ?? 0]);
    if (seenRuns.get(run.run_id) === place) return;
    seenRuns.set(run.run_id, place);
    const phase = isEnded(run) ? "done" : "started";
    publish({
      type: "run",
      data: { run_id: run.run_id, specialist: run.specialist, state: run.state, step, phase, share: phase === "done" ? 1 : 0 },
    });
    lookSoon();
  };

  /** One look at a time; a store that is away is looked at again later. */
  const guarded = async (what: "runs" | "status", look: () => Promise<void>): Promise<void> => {
    await reading;
    reading = look().catch((error: unknown) => {
      house.log("events.error", { what, message: error instanceof Error ? error.message : String(error) });
    });
    await reading;
  };
  const again = (): void => {
    if (closed || listeners.size === 0) return;
    runsTimer ??= setTimeout(() => {
      runsTimer = null;
      void guarded("runs", lookAtRuns).then(again);
    }, runsEveryMs);
    statusTimer ??= statusAfter(Math.max(statusEveryMs, quietUntil - performance.now()));
  };
  const statusAfter = (ms: number): NodeJS.Timeout =>
    setTimeout(() => {
      statusTimer = null;
      void guarded("status", lookAtStatus).then(again);
    }, ms);
  const lookSoon = (): void => {
    if (closed || listeners.size === 0) return;
    if (statusTimer !== null) clearTimeout(statusTimer);
    statusTimer = statusAfter(Math.max(SETTLE_MS, quietUntil - performance.now()));
  };
  const stopTimers = (): void => {
    for (const timer of [runsTimer, statusTimer]) if (timer !== null) clearTimeout(timer);
    [runsTimer, statusTimer] = [null, null];
  };

  return {
    onRunEvent({ run, step, phase, share }) {
      if (listeners.size === 0) return;
      if (phase !== "progress") shares.delete(run.run_id);
      // a fit tells of every tree: one event a hundredth is enough for a bar
      else if (share - (shares.get(run.run_id) ?? -1) < LEAST_STEP) return;
      else shares.set(run.run_id, share);
      if (phase === "started")
        seenRuns.set(run.run_id, JSON.stringify([run.state, step, run.steps.find((s) => s.step === step)?.attempts ?? 0]));
      publish({ type: "run", data: { run_id: run.run_id, specialist: run.specialist, state: run.state, step, phase, share } });
      if (phase !== "progress") lookSoon();
    },
    touch: lookSoon,
    subscribe(listener, lastId) {
      const at = lastId === null ? -1 : kept.findIndex(({ id }) => id === lastId);
      const isKnown = at >= 0 || lastId === `${process}-${number}`;
      listeners.add(listener);
      if (isKnown) for (const event of kept.slice(at + 1)) listener(event);
      else if (said.size === 0) lookSoon();
      else {
        // what was said last may be old by now: it is looked at again
        for (const { line } of said.values()) listener({ type: "status", data: line, id: `${process}-${number}` });
        lookSoon();
      }
      void guarded("runs", lookAtRuns).then(again);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stopTimers();
        // whoever comes next is told everything anew
        seenRuns.clear();
      };
    },
    close() {
      closed = true;
      stopTimers();
      listeners.clear();
    },
  };
}
