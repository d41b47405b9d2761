import { helpBoosting } from "./boosting-crew.ts";
import { type FitTicket, reportLostHelper, throughGate } from "./fit-helpers.ts";
import { helpForest } from "./forest-crew.ts";

/**
 * What a helper's thread runs for one fit; returns when the fit has ended or the helper is dismissed. Blocks its thread: not for a page's
 * main one. What it throws the fit's own thread hears of, too.
 */
export function helpFit(ticket: FitTicket): void {
  try {
    throughGate(ticket, () => ("forest" in ticket ? helpForest(ticket) : helpBoosting(ticket)));
  } catch (error) {
    reportLostHelper(ticket);
    throw error;
  }
}
