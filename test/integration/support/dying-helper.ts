import { parentPort } from "node:worker_threads";
import { type FitTicket, helpFit } from "../../../src/engine/index.ts";

// helps in earnest, and ends where it would say that its first part is finished
Atomics.add = () => process.exit(3);

parentPort?.on("message", (ticket: FitTicket) => helpFit(ticket));
parentPort?.postMessage("ready");
