import { RequeenError } from "../core/errors.ts";
import { PartWorker } from "./boosting-parts.ts";
import { ORDER_BYTES, SplitMaker, type SplitOrder, type SplitOutcome } from "./boosting-splits.ts";
import {
  type BoostingTicket,
  closeGate,
  controlWords,
  DISMISSED,
  type FitHelpers,
  HELPED_ROWS,
  HOLDING,
  LOST,
  MOST_HELPERS,
  OWN_WORDS,
  PATIENCE_MS,
  WAIT_MS,
} from "./fit-helpers.ts";
import { attachKernels } from "./kernels/kernels.ts";

/** The first word, all in one so that a claim is one step: number of the job, its parts, and the next part that nobody has claimed. */
const CLAIM = OWN_WORDS;
const FINISHED = OWN_WORDS + 1;
const JOB = OWN_WORDS + 2;
const ARGUMENTS = OWN_WORDS + 3;
/** How many helpers sleep until CLAIM changes, and whether the fit's own thread does until FINISHED changes: a call of nobody costs too. */
const ASLEEP = OWN_WORDS + 11;
const WAITING = OWN_WORDS + 12;
/** For each helper, 1 = its histogram holds rows of this job. */
const USED = OWN_WORDS + 16;
/** For each part of a partition, how many rows go left. */
const LEFTS = USED + MOST_HELPERS + 1;
const MOST_PARTS = 63;
/** For each part of the job that makes splits, 1 = made. */
const MADE = LEFTS + MOST_PARTS + 1;
/** The orders of these parts, and one more; an even word. */
const ORDERS = Math.ceil((MADE + MOST_PARTS) / 2) * 2;
const WORDS = ORDERS + ((MOST_PARTS + 1) * ORDER_BYTES) / 4;
export const CONTROL_BYTES = WORDS * 4;

const JOBS = { end: 0, fill: 1, add: 2, partition: 3, place: 4, split: 5, record: 6 } as const;
type Job = keyof typeof JOBS;

/** Looks at a word before a thread sleeps until it changes: some 0.3 milliseconds, longer than the passes between two jobs. */
const SPINS = 20_000;
const SLEEP_MS = 100;

const partsOf = (claim: number): number => (claim >>> 6) & 63;
const nextOf = (claim: number): number => claim & 63;

/** A thread of a fit. */
interface Hand {
  readonly worker: PartWorker;
  readonly splits: SplitMaker;
  readonly words: Int32Array;
  /** The helper's number; -1 = the fit's own thread. */
  readonly helper: number;
}

const orderAt = (words: Int32Array, part: number): number => words.byteOffset + ORDERS * 4 + part * ORDER_BYTES;

/** Does a part of the job that the control words describe. */
function doPart({ worker, splits, words }: Hand, job: number, part: number): void {
  if (job === JOBS.split) {
    splits.make(orderAt(words, part));
    Atomics.store(words, MADE + part, 1);
    return;
  }
  const { at, rowCount } = worker.task;
  const { kernels } = worker;
  const start = words[ARGUMENTS];
  const end = words[ARGUMENTS + 1];
  const size = words[ARGUMENTS + 2];
  const argument = ARGUMENTS + 3;
  const from = start + part * size;
  const to = Math.min(end, from + size);
  if (job === JOBS.fill) worker.fill(from, to, words[argument], words[argument + 1] === 1, words[argument + 2] === 1);
  else if (job === JOBS.add) worker.add(from, to);
  else if (job === JOBS.record) worker.record(from, to);
  else if (job === JOBS.partition) {
    const codes = at.codes + words[argument] * rowCount;
    const rights = at.moved + (rowCount + from) * 4;
    words[LEFTS + part] = kernels.partitionInto(
      codes,
      at.rows,
      from,
      to,
      words[argument + 1],
      words[argument + 2],
      words[argument + 3],
      at.moved + from * 4,
      rights,
    );
  } else {
    const middle = words[argument];
    let left = start;
    for (let i = 0; i < part; i++) left += words[LEFTS + i];
    const lefts = words[LEFTS + part];
    const right = middle + (from - start) - (left - start);
    kernels.copyBytes(at.rows + left * 4, at.moved + from * 4, lefts * 4);
    kernels.copyBytes(at.rows + right * 4, at.moved + (rowCount + from) * 4, (to - from - lefts) * 4);
  }
}

function callWaiting(words: Int32Array): void {
  if (Atomics.load(words, WAITING) > 0) Atomics.notify(words, FINISHED);
}

/** Claims the next part, if there is one. @param work done with it; null = it is only said to be finished. @returns whether there was one. */
function claimPart({ words, helper }: Hand, work: ((job: number, part: number) => void) | null): boolean {
  for (;;) {
    const claim = Atomics.load(words, CLAIM);
    const part = nextOf(claim);
    if (part >= partsOf(claim)) return false;
    const job = words[JOB];
    // before the claim: a thread that is lost between the two counts as one that holds a part
    if (helper >= 0) Atomics.or(words, helper, HOLDING);
    // a job's words change only when all its parts are claimed and finished: if the claim holds, they were this job's
    const claimed = Atomics.compareExchange(words, CLAIM, claim, claim + 1) === claim;
    if (claimed) {
      if (helper >= 0 && (job === JOBS.fill || job === JOBS.add)) words[USED + helper] = 1;
      work?.(job, part);
      // who waits for splits waits for any of them
      if (Atomics.add(words, FINISHED, 1) + 1 === partsOf(claim) || job === JOBS.split) callWaiting(words);
    }
    if (helper >= 0) Atomics.and(words, helper, ~HOLDING);
    if (claimed) return true;
  }
}

/** Claims parts until none is left. */
function claimParts(hand: Hand): void {
  while (claimPart(hand, (job, part) => doPart(hand, job, part)));
}

/** What a helper does in a fit of boosting, until the fit has ended or the helper is dismissed. */
export function helpBoosting({ memory, task, control, helper }: BoostingTicket): void {
  const { kernels, adding } = attachKernels(memory, task.layout, task.at.own);
  const worker = new PartWorker(task, memory.buffer, kernels, adding);
  const words = controlWords({ memory, control }, WORDS - OWN_WORDS);
  const hand: Hand = { worker, splits: new SplitMaker(worker, memory.buffer), words, helper };
  const work = (job: number, part: number): void => doPart(hand, job, part);
  for (;;) {
    if ((Atomics.load(words, helper) & DISMISSED) !== 0) return;
    if (claimPart(hand, work)) continue;
    const claim = Atomics.load(words, CLAIM);
    if (nextOf(claim) < partsOf(claim)) continue;
    if (partsOf(claim) === 0 && Atomics.load(words, JOB) === JOBS.end && claim !== 0) return;
    let spins = 0;
    while (spins < SPINS && Atomics.load(words, CLAIM) === claim) spins++;
    if (spins < SPINS) continue;
    // whoever publishes after this sees it; what was published before keeps the thread from sleeping
    Atomics.add(words, ASLEEP, 1);
    Atomics.wait(words, CLAIM, claim, SLEEP_MS);
    Atomics.sub(words, ASLEEP, 1);
  }
}

/** The fit's own thread: gives out jobs and takes part in them. */
export class FitCrew {
  readonly helpers: number;
  /** Passes over fewer rows are left to one thread. */
  readonly leastRows: number;
  readonly splits: SplitMaker;
  private readonly words: Int32Array;
  private readonly hand: Hand;
  private readonly poll: () => void;
  private readonly patienceMs: number;
  private readonly ended: () => void;
  private readonly memory: WebAssembly.Memory;
  private job = 0;
  /** Whether the job that is given out makes splits. */
  private splitting = false;

  constructor(memory: WebAssembly.Memory, control: number, helpers: FitHelpers, worker: PartWorker, poll: () => void) {
    this.helpers = Math.min(helpers.count, MOST_HELPERS);
    // a sixth of the least fit that is helped, where that is the caller's
    this.leastRows = Math.min(2048, Math.ceil((helpers.leastRows ?? HELPED_ROWS) / 6));
    this.memory = memory;
    this.poll = poll;
    this.patienceMs = helpers.patienceMs ?? PATIENCE_MS;
    this.ended = () => helpers.end?.();
    this.words = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4);
    this.splits = new SplitMaker(worker, memory.buffer);
    this.hand = { worker, splits: this.splits, words: this.words, helper: -1 };
  }

  /**
   * Runs a job over [start, end) in parts of some 1,024 rows or more, a multiple of four.
   * @returns the helpers that added rows to their own histograms.
   * @throws worker_lost when a helper took a part and will not finish it: rows are half moved or half added, so that the fit is void.
   */
  run(job: Job, start: number, end: number, args: readonly number[]): number[] {
    const { words } = this;
    if (this.splitting) throw new Error("a job was given out while splits were being made");
    // four parts a thread, so that none waits long for the last one
    const parts = Math.min(
      MOST_PARTS,
      (this.helpers + 1) * 4,
      Math.max(1, Math.floor((end - start) / Math.min(1024, this.leastRows))),
    );
    const size = Math.ceil((end - start) / parts / 4) * 4;
    const count = Math.max(1, Math.ceil((end - start) / size));
    // word by word: `fill` and `set` take microseconds on shared memory, thousands of times a fit
    for (let helper = 0; helper < this.helpers; helper++) words[USED + helper] = 0;
    words[ARGUMENTS] = start;
    words[ARGUMENTS + 1] = end;
    words[ARGUMENTS + 2] = size;
    for (let i = 0; i < args.length; i++) words[ARGUMENTS + 3 + i] = args[i];
    words[JOB] = JOBS[job];
    this.publish(count);
    claimParts(this.hand);
    this.finish(count);
    const used: number[] = [];
    for (let helper = 0; helper < this.helpers; helper++) if (words[USED + helper] === 1) used.push(helper);
    return used;
  }

  /** Moves rows[start..end) as `partition` does, in parts. */
  partition(start: number, end: number, column: number, lower: number, missingLeft: boolean, identity: boolean): number {
    this.run("partition", start, end, [column, lower, missingLeft ? 1 : 0, identity ? 1 : 0]);
    const size = this.words[ARGUMENTS + 2];
    let middle = start;
    for (let part = 0; part < Math.ceil((end - start) / size); part++) middle += this.words[LEFTS + part];
    this.run("place", start, end, [middle]);
    return middle;
  }

  /** Splits that no thread has claimed yet. */
  get unclaimed(): number {
    const claim = Atomics.load(this.words, CLAIM);
    return this.splitting ? partsOf(claim) - nextOf(claim) : 0;
  }

  /** Whether another split can be offered before `settleSplits`. */
  get offersLeft(): boolean {
    return !this.splitting || partsOf(Atomics.load(this.words, CLAIM)) < MOST_PARTS;
  }

  /** Offers a split to all threads. @returns its part. */
  offerSplit(order: SplitOrder): number {
    const { words } = this;
    if (!this.splitting) {
      words[JOB] = JOBS.split;
      this.publish(0);
      this.splitting = true;
    }
    const part = partsOf(Atomics.load(words, CLAIM));
    this.splits.write(orderAt(words, part), order);
    Atomics.store(words, MADE + part, 0);
    Atomics.add(words, CLAIM, 1 << 6);
    if (Atomics.load(words, ASLEEP) > 0) Atomics.notify(words, CLAIM);
    return part;
  }

  /** Makes a split in this thread. */
  makeSplit(order: SplitOrder): SplitOutcome {
    const at = orderAt(this.words, MOST_PARTS);
    this.splits.write(at, order);
    this.splits.make(at);
    return this.splits.read(at);
  }

  /** What became of an offered split; null = it is not made yet. */
  outcomeOf(part: number): SplitOutcome | null {
    return Atomics.load(this.words, MADE + part) === 1 ? this.splits.read(orderAt(this.words, part)) : null;
  }

  /** Makes the oldest split that nobody has claimed. @returns whether there was one. */
  workOnSplit(): boolean {
    return claimPart(this.hand, (job, part) => doPart(this.hand, job, part));
  }

  /** Waits until an offered split is made. @throws worker_lost */
  waitForSplit(part: number): void {
    this.wait(() => Atomics.load(this.words, MADE + part) === 1);
  }

  /** Takes back what nobody has claimed, and waits for the rest. @throws worker_lost */
  settleSplits(): void {
    if (!this.splitting) return;
    while (claimPart(this.hand, null));
    this.splitting = false;
    this.finish(partsOf(Atomics.load(this.words, CLAIM)));
  }

  /** Lets the helpers go. */
  end(): void {
    closeGate(this.memory);
    this.words[JOB] = JOBS.end;
    this.publish(0);
    this.ended();
  }

  private publish(parts: number): void {
    this.job = (this.job + 1) % 2 ** 20;
    // never the word that helpers start from
    if (this.job === 0) this.job = 1;
    Atomics.store(this.words, FINISHED, 0);
    Atomics.store(this.words, CLAIM, (this.job << 12) | (parts << 6));
    if (Atomics.load(this.words, ASLEEP) > 0) Atomics.notify(this.words, CLAIM);
  }

  /** Waits for parts that helpers have claimed. */
  private finish(parts: number): void {
    this.wait(() => Atomics.load(this.words, FINISHED) >= parts);
    this.poll();
  }

  /** Waits until `isDone`, which turns true no later than a word after FINISHED changes. */
  private wait(isDone: () => boolean): void {
    const { words } = this;
    let silentMs = 0;
    for (let spins = 0; !isDone(); spins++) {
      if (spins < SPINS) continue;
      const finished = Atomics.load(words, FINISHED);
      if (isDone()) break;
      // counted in waits, not by a clock: a machine that slept has not waited
      Atomics.store(words, WAITING, 1);
      const waited = Atomics.wait(words, FINISHED, finished, WAIT_MS) === "timed-out";
      Atomics.store(words, WAITING, 0);
      silentMs = waited && Atomics.load(words, FINISHED) === finished ? silentMs + WAIT_MS : 0;
      this.poll();
      if (!isDone()) this.refuseLost(silentMs);
    }
  }

  /** @throws worker_lost */
  private refuseLost(silentMs: number): void {
    for (let helper = 0; helper < this.helpers; helper++) {
      const state = Atomics.load(this.words, helper);
      if ((state & HOLDING) === 0) continue;
      const ended = (state & LOST) !== 0;
      if (!ended && silentMs < this.patienceMs) continue;
      const what = ended ? "ended" : `said nothing for ${this.patienceMs} ms`;
      throw new RequeenError("worker_lost", `helper ${helper} of a gradient boosting fit ${what} in the middle of its part`, {
        helper,
      });
    }
  }
}
