import type { PartTask } from "./boosting-parts.ts";
import type { SharedForest } from "./forest-share.ts";
import { FIRST_ADDRESS } from "./kernels/first-address.ts";

/**
 * Threads that help inside one fit. All share the run's memory. Work is cut into parts (of a pass over rows, or trees of a forest) that any
 * thread may claim, so that a fit never waits for a thread that has claimed nothing: one that comes late, sleeps or shares its core does
 * less, and the result is the same, since histograms are sums of integers and a forest's tree hangs on its number alone.
 */
export interface FitHelpers {
  readonly count: number;
  /**
   * Fits of fewer rows are left to one thread. Default 50,000 for boosting, and 100,000 rows times trees for forests: with less, giving out
   * parts costs more than they bring.
   */
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
  /** Which of the fits that use the memory one after the other it is for. */
  readonly fit: number;
}

export interface BoostingTicket extends HelperPlace {
  readonly task: PartTask;
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

/**
 * The gate of a shared memory. Fits with the same helpers use one memory in turn, since a thread that was sent a memory holds it until it collects
 * garbage, and does not know how large it is. A word says which fit goes on (0 = none), a word counts the helpers inside; whoever comes late, for
 * a fit that has ended, turns round.
 */
export const GATE_ADDRESS = FIRST_ADDRESS - 16;
const FIT = 0;
const INSIDE = 1;
const gateOf = (memory: WebAssembly.Memory): Int32Array => new Int32Array(memory.buffer, GATE_ADDRESS, 4);
const isOpenFor = ({ memory, fit }: FitTicket): boolean => Atomics.load(gateOf(memory), FIT) === fit;

const lastOf = new WeakMap<FitHelpers, { readonly memory: WebAssembly.Memory; readonly fit: number }>();
/** How long a fit waits for helpers of the last one to leave its memory, before it takes a new one. */
const LEAVE_MS = 1000;

/** The memory of the helpers' last fit, for the next one, if they all have left it. */
export function deserted(helpers: FitHelpers): WebAssembly.Memory | undefined {
  const last = lastOf.get(helpers);
  if (last === undefined) return undefined;
  const gate = gateOf(last.memory);
  for (let waitedMs = 0; waitedMs < LEAVE_MS; waitedMs += WAIT_MS) {
    const inside = Atomics.load(gate, INSIDE);
    if (inside === 0) return last.memory;
    Atomics.wait(gate, INSIDE, inside, WAIT_MS);
  }
  return undefined;
}

/** Lets helpers of the next fit into a memory. @returns its number, for the tickets. */
export function openGate(helpers: FitHelpers, memory: WebAssembly.Memory): number {
  const fit = ((lastOf.get(helpers)?.fit ?? 0) % 2 ** 30) + 1;
  lastOf.set(helpers, { memory, fit });
  Atomics.store(gateOf(memory), FIT, fit);
  return fit;
}

/** The fit has ended. */
export const closeGate = (memory: WebAssembly.Memory): void => void Atomics.store(gateOf(memory), FIT, 0);

/** Does a helper's work for its fit, unless that has ended. */
export function throughGate(ticket: FitTicket, work: () => void): void {
  const gate = gateOf(ticket.memory);
  Atomics.add(gate, INSIDE, 1);
  try {
    if (isOpenFor(ticket)) work();
  } finally {
    Atomics.sub(gate, INSIDE, 1);
    Atomics.notify(gate, INSIDE);
  }
}

function setFlag(ticket: FitTicket, flag: number): void {
  // what is said of a fit that has ended is not said of the next one
  if (!isOpenFor(ticket)) return;
  const words = controlWords(ticket, 2);
  Atomics.or(words, ticket.helper, flag);
  Atomics.notify(words, OWN_WORDS);
  Atomics.notify(words, OWN_WORDS + 1);
}

/** Calls a helper away: its `helpFit` returns after the part that it does, if it does one. The fit goes on without it. */
export const dismissHelper = (ticket: FitTicket): void => setFlag(ticket, DISMISSED);

/** Takes a dismissal back, before a ticket is given out again. */
export function inviteHelper(ticket: FitTicket): void {
  if (!isOpenFor(ticket)) return;
  Atomics.and(controlWords(ticket, 0), ticket.helper, ~DISMISSED);
}

/** Says that a helper's thread is no more. If it held a part of boosting, the fit ends with `worker_lost`; else it goes on without it. */
export const reportLostHelper = (ticket: FitTicket): void => setFlag(ticket, LOST);
