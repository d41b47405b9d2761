import type { PartTask } from "./boosting-parts.ts";
import type { SharedForest } from "./forest-share.ts";

/**
 * Threads that help inside one fit. All share the run's memory. Work is cut into parts (of a pass over rows, or trees of a forest) that any
 * thread may claim, so that a fit never waits for a thread that has claimed nothing: one that comes late, sleeps or shares its core does
 * less, and the result is the same, since histograms are sums of integers and a forest's tree hangs on its number alone.
 */
export interface FitHelpers {
  readonly count: number;
  /** Fits of fewer rows are left to one thread. Default 50,000: with less, giving out parts costs more than they bring. */
  readonly leastRows?: number;
  /**
   * A part that a helper has taken and not finished for so long counts as lost: boosting ends with `worker_lost`, a forest grows the tree
   * itself. Default 30,000.
   */
  readonly patienceMs?: number;
  /** Sends each helper its ticket, with which it calls `helpFit`. Called once a fit. */
  start(tickets: readonly FitTicket[]): void;
  /** Called when the fit that was started last has ended, however it ended: its tickets are worth nothing any more. */
  end?(): void;
}

/** Where a helper finds its fit. */
interface HelperPlace {
  readonly memory: WebAssembly.Memory;
  /** Address of the control words. */
  readonly control: number;
  /** The helper's number, from 0. */
  readonly helper: number;
}

export interface BoostingTicket extends HelperPlace {
  readonly task: PartTask;
  /** Address of the helper's own histogram. */
  readonly histogram: number;
}
export interface ForestTicket extends HelperPlace {
  readonly forest: SharedForest;
}

/** What a helper needs; can be sent to another thread. */
export type FitTicket = BoostingTicket | ForestTicket;

export const MOST_HELPERS = 63;
/** With fewer rows, helpers cost more than they bring. */
export const HELPED_ROWS = 50_000;
export const PATIENCE_MS = 30_000;
/** The fit's own thread looks up this often while helpers finish their parts. */
export const WAIT_MS = 20;

/** The control words begin with one word of flags for each helper; those of the fit's own follow, the two that threads wait for first. */
export const OWN_WORDS = MOST_HELPERS + 1;

/** A part is in this helper's hands, or about to be. */
export const HOLDING = 1;
/** The helper is wanted elsewhere. */
export const DISMISSED = 2;
/** The helper's thread has ended before the fit. */
export const LOST = 4;

/** The control words of a ticket's fit. @param own how many follow the helpers' flags. */
export const controlWords = ({ memory, control }: Pick<FitTicket, "memory" | "control">, own: number): Int32Array =>
  new Int32Array(memory.buffer, control, OWN_WORDS + own);

function setFlag(ticket: FitTicket, flag: number): void {
  const words = controlWords(ticket, 2);
  Atomics.or(words, ticket.helper, flag);
  Atomics.notify(words, OWN_WORDS);
  Atomics.notify(words, OWN_WORDS + 1);
}

/** Calls a helper away: its `helpFit` returns after the part that it does, if it does one. The fit goes on without it. */
export const dismissHelper = (ticket: FitTicket): void => setFlag(ticket, DISMISSED);

/** Takes a dismissal back, before a ticket is given out again. */
export function inviteHelper(ticket: FitTicket): void {
  Atomics.and(controlWords(ticket, 0), ticket.helper, ~DISMISSED);
}

/** Says that a helper's thread is no more. If it held a part of boosting, the fit ends with `worker_lost`; else it goes on without it. */
export const reportLostHelper = (ticket: FitTicket): void => setFlag(ticket, LOST);
