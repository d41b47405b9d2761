import { parentPort } from "node:worker_threads";
import { type FitTicket, helpFit } from "../engine/index.ts";

parentPort?.on("message", (ticket: FitTicket) => {
  helpFit(ticket);
  // the other end lets go of the fit's memory
  parentPort?.postMessage(ticket.control);
});
