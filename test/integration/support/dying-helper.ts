import { parentPort } from "node:worker_threads";
import { type FitTicket, helpFit } from "../../../src/engine/index.ts";

// helps in earnest, and ends where it would say that its first part is finished: the call before says that it came
const { add } = Atomics;
let calls = 0;
Atomics.add = ((...words: Parameters<typeof add>) => (++calls === 1 ? add(...words) : process.exit(3))) as typeof add;

parentPort?.on("message", (ticket: FitTicket) => helpFit(ticket));
parentPort?.postMessage("ready");
