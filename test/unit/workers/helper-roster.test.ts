import { expect, test } from "vitest";
import { type BoostingTicket, openGate } from "../../../src/engine/fit-helpers.ts";
import { type FitTicket, helpFit } from "../../../src/engine/index.ts";
import { openKernels } from "../../../src/engine/kernels/kernels.ts";
import { HelperRoster } from "../../../src/workers/helper-roster.ts";

/** Tickets over a memory of their own; what stands in it is nobody's fit. */
function tickets(count: number): FitTicket[] {
  const { memory } = openKernels({ control: 8192 }, true).instance;
  const fit = openGate({ count, start: () => undefined }, memory);
  const at = {} as BoostingTicket["task"]["at"];
  const layout = { stride: 16, payloadAt: 8, narrow: false, counted: false, cells: [0] };
  const search = { limits: { monotone: null, l1: 0, l2: 0 } } as BoostingTicket["task"]["search"];
  const task = { at, layout, rowCount: 1, outputs: 1, weighted: false, gradientScale: 1, hessianScale: 1, form: 0, search };
  return Array.from({ length: count }, (_, helper) => ({ memory, fit, task, control: 4096, helper }));
}

/** The memory's control words that are not 0, by which fits and helpers see what was said of a ticket. */
const said = ({ memory }: FitTicket): number[] => [...new Int32Array(memory.buffer, 4096)].filter((word) => word !== 0);

test("tickets go to the fit with the fewest helpers, and to nobody twice", () => {
  const roster = new HelperRoster<string>();
  const [first, second] = [tickets(2), tickets(2)];
  roster.open("a", first);
  roster.open("b", second);
  const given: FitTicket[] = [];
  for (const worker of ["w", "x", "y", "z"]) {
    const ticket = roster.nextTicket() ?? expect.unreachable();
    roster.join(worker, ticket);
    given.push(ticket);
  }
  expect(given).toEqual([first[0], second[0], first[1], second[1]]);
  expect(roster.nextTicket()).toBeNull();
  expect(roster.helping).toBe(4);
  roster.leave("x");
  expect(roster.nextTicket()).toBe(second[0]);
});

test("a helper that is dismissed returns at once, is not called twice, and its place can be given again", () => {
  const roster = new HelperRoster<string>();
  const [ticket] = tickets(1);
  if (ticket === undefined) throw new Error("no ticket");
  roster.open("a", [ticket]);
  roster.join("w", ticket);
  roster.dismiss(3);
  const words = said(ticket);
  expect(words).toHaveLength(1);
  roster.dismiss(1);
  expect(said(ticket)).toEqual(words);
  // returns, although the fit never ends
  helpFit(ticket);
  expect(roster.nextTicket()).toBeNull();
  roster.leave("w");
  expect(roster.nextTicket()).toBe(ticket);
  roster.join("x", ticket);
  expect(said(ticket)).toEqual([]);
});

test("the end of a fit lets its helpers go, and a new fit of the same thread has its own places", () => {
  const roster = new HelperRoster<string>();
  const [old, next] = [tickets(1), tickets(1)];
  roster.open("a", old);
  const ticket = roster.nextTicket() ?? expect.unreachable();
  roster.join("w", ticket);
  roster.open("a", next);
  expect(said(ticket)).toHaveLength(1);
  // the old helper has not come back yet: it helps nobody, and its place is not in the new fit
  expect(roster.nextTicket()).toBe(next[0]);
  roster.leave("w");
  roster.close("a");
  expect(roster.nextTicket()).toBeNull();
  expect(roster.workers()).toEqual([]);
});

test("a helper that is lost is reported to its fit, and nobody takes its place", () => {
  const roster = new HelperRoster<string>();
  const [ticket] = tickets(1);
  roster.open("a", ticket === undefined ? [] : [ticket]);
  const given = roster.nextTicket() ?? expect.unreachable();
  roster.join("w", given);
  expect(roster.lose("stranger")).toBe(false);
  expect(roster.lose("w")).toBe(true);
  expect(said(given)).toHaveLength(1);
  expect(roster.nextTicket()).toBeNull();
  expect(roster.helping).toBe(0);
});
