import { parentPort } from "node:worker_threads";
import { OWN_WORDS } from "../../../src/engine/fit-helpers.ts";
import { type FitTicket, helpFit } from "../../../src/engine/index.ts";

/** The control word that counts finished parts. */
const FINISHED = OWN_WORDS + 1;

// helps in earnest, and ends where it would say that its first part is finished
const { add } = Atomics;
Atomics.add = ((...words: Parameters<typeof add>) => (words[1] === FINISHED ? process.exit(3) : add(...words))) as typeof add;

parentPort?.on("message", (ticket: FitTicket) => helpFit(ticket));
parentPort?.postMessage("ready");
