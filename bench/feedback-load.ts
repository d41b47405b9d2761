import { join } from "node:path";
import { openSqliteStore } from "../src/store/index.ts";
import { type LoadAnswer, runLoad } from "./http-load.ts";
import { CLASSES, endServer, type Serving, startServer } from "./serving.ts";

export interface Posted {
  /** Feedback id by opinion id, of every judgement that was acknowledged. */
  readonly acknowledged: Map<string, string>;
  /** Opinions whose post got no answer: it may be stored or not. */
  readonly lost: number[];
  /** Of each answer, milliseconds. */
  readonly latencies: Float64Array;
  readonly elapsedMs: number;
  /** The first opinion that was not sent. */
  readonly next: number;
}

export interface PostOptions {
  readonly connections: number;
  /** Number of the first opinion to judge; see makeDataFolder. */
  readonly from: number;
  readonly milliseconds: number;
  /** Opinions to judge first: those of an earlier `lost`. */
  readonly again?: readonly number[];
}

const ACCEPTED = new Set([200, 201]);

/** Judges one opinion after another for so long. @throws Error on an answer that is no acknowledgement. */
export async function postFeedback({ url, token }: Serving, options: PostOptions): Promise<Posted> {
  const acknowledged = new Map<string, string>();
  const lost: number[] = [];
  const latencies: number[] = [];
  const again = [...(options.again ?? [])];
  let next = options.from;
  const startedAt = performance.now();
  const endAt = startedAt + options.milliseconds;
  await runLoad<number>({
    url,
    token,
    path: "/api/v1/feedback",
    connections: options.connections,
    next() {
      const number = again.pop() ?? (performance.now() < endAt ? next++ : null);
      return number === null ? null : { item: number, body: judgementOf(number) };
    },
    onAnswer(number, answer) {
      acknowledged.set(`opinion-${number}`, feedbackIdOf(answer));
      latencies.push(answer.milliseconds);
    },
    onLost: (number) => void lost.push(number),
  });
  lost.push(...again); // every connection ended before these were sent
  return { acknowledged, lost, latencies: Float64Array.from(latencies), elapsedMs: performance.now() - startedAt, next };
}

const judgementOf = (number: number): string =>
  JSON.stringify({
    opinion_id: `opinion-${number}`,
    human_recommendation: CLASSES[number % 3 === 0 ? 1 : 0],
    human_rating: (number % 10) / 10,
    feedback_notes: "seen",
  });

function feedbackIdOf({ status, body }: LoadAnswer): string {
  if (!ACCEPTED.has(status)) throw new Error(`${status} ${body}`);
  return (JSON.parse(body) as { feedback_id: string }).feedback_id;
}

export interface KillLoopOptions {
  readonly kills: number;
  readonly connections: number;
  /** A server under load lives for so long at most. */
  readonly longestMs: number;
  /** In [0, 1): the moment of each kill. */
  readonly random: () => number;
}

/**
 * Posts, kills the server with SIGKILL at a random moment, starts it again, posts what got no answer once more, and so on; the last server
 * ends in peace. @returns what was acknowledged by any of them
 */
export async function killLoop(
  dataDir: string,
  { kills, connections, longestMs, random }: KillLoopOptions,
): Promise<{ acknowledged: Map<string, string>; unanswered: number }> {
  const acknowledged = new Map<string, string>();
  let [next, unanswered] = [0, 0];
  let again: number[] = [];
  for (let round = 0; round <= kills; round += 1) {
    const server = await startServer(dataDir);
    const dies = round < kills;
    const posting = postFeedback(server, { connections, from: next, milliseconds: dies ? 60_000 : 100, again });
    if (dies) {
      await new Promise((resolve) => setTimeout(resolve, random() * longestMs));
      await endServer(server, "SIGKILL");
    }
    const posted = await posting;
    if (!dies) await endServer(server, "SIGTERM");
    for (const [opinionId, feedbackId] of posted.acknowledged) {
      const earlier = acknowledged.get(opinionId);
      if (earlier !== undefined && earlier !== feedbackId)
        throw new Error(`${opinionId} was acknowledged as ${earlier} and ${feedbackId}`);
      acknowledged.set(opinionId, feedbackId);
    }
    ({ next, lost: again } = posted);
    unanswered += again.length;
  }
  if (again.length > 0) throw new Error(`${again.length} judgements got no answer from a server that was not killed`);
  return { acknowledged, unanswered };
}

/** @returns feedback ids by opinion id, of everything in the store of a data folder. */
export async function storedFeedback(dataDir: string): Promise<Map<string, string[]>> {
  const store = await openSqliteStore(join(dataDir, "requeen.db"), { now: Date.now, readOnly: true });
  const storedOf = new Map<string, string[]>();
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await store.listFeedback({}, { limit: 10_000, cursor });
    for (const { opinion_id, feedback_id } of items) storedOf.set(opinion_id, [...(storedOf.get(opinion_id) ?? []), feedback_id]);
    if (next === null) break;
    cursor = next;
  }
  await store.close();
  return storedOf;
}
