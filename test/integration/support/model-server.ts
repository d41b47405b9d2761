import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A provider of the test's own on this machine: it answers what the test says, and remembers what it was asked. */
export interface ModelServer {
  readonly url: string;
  /** Bodies in the order in which they came. */
  readonly asked: AskedBody[];
  readonly headers: IncomingMessage["headers"][];
  readonly paths: string[];
  close(): Promise<void>;
}

export interface AskedBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly [key: string]: unknown;
}

/** Answers one call; `turn` counts from 0. Not ending the response leaves the caller waiting. */
export type Reply = (response: ServerResponse, body: AskedBody, turn: number) => void | Promise<void>;

export async function openModelServer(reply: Reply): Promise<ModelServer> {
  const asked: AskedBody[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const paths: string[] = [];
  const server: Server = createServer(async (request, response) => {
    const body: AskedBody = JSON.parse(await text(request));
    headers.push(request.headers);
    paths.push(request.url ?? "");
    await reply(response, body, asked.push(body) - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    headers,
    paths,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

/** What the prompt settles, read back from its text: the server must not know the code that wrote it. */
export function settledIn(body: AskedBody): { decision: string; number: number; risk: number; domain: string; english: boolean } {
  const prompt = body.messages.at(-1)?.content ?? "";
  const found = (pattern: RegExp): string => pattern.exec(prompt)?.[1] ?? "";
  const low = Number(found(/risk_score (?:from|de) ([\d.]+)/));
  return {
    decision: found(/(?:decides|decide): (\w+)\./),
    number: Number(found(/(?:Plan number|Plano número) (\d+)/)),
    risk: low + 0.1,
    domain: found(/(?:Domain|Domínio): (\w+)/),
    english: prompt.startsWith("Reviewer"),
  };
}

const WORDS =
  "harbour lantern meadow copper violin granite orchard saddle pepper marble walnut ribbon thunder basket candle feather glacier hammer island jungle kettle ladder magnet needle oyster pillow quartz rocket silver timber umbrella velvet window yellow zipper anchor bridge cactus dragon engine".split(
    " ",
  );
const DOMAIN_WORDS: Readonly<Record<string, string>> = {
  SECURITY: "security token access encryption audit",
  PERFORMANCE: "cache latency throughput search results",
  FEATURE: "page profile calendar screen notification",
  BUGFIX: "wrong crash duplicate error fix",
  TECHNICAL: "parser scheduler files workers documents",
  BUSINESS: "discount refunds accounts subscription programme",
  INFRASTRUCTURE: "network regions disk memory server",
};

/** A plan that every gate takes, another for each number. */
export function goodAnswer(body: AskedBody): Record<string, unknown> {
  const { decision, number, risk, domain } = settledIn(body);
  const description = (task: number): string => {
    const own = Array.from({ length: 14 }, (_, at) => WORDS[(number * 7 + task * 13 + at * (1 + (number % 5))) % WORDS.length]);
    return `Update ${DOMAIN_WORDS[domain] ?? ""} with access audit encryption number${number} step${task} ${own.map((word, at) => `${word}${(number + at) % 17}`).join(" ")}`;
  };
  return {
    recommendation: decision,
    reasoning: "Recorded for the test.",
    risk_score: risk,
    complexity_score: 0.4,
    tasks: [1, 2, 3].map((task) => ({
      task_id: `task-${task}`,
      task_type: ["query", "update", "validate"][task - 1],
      description: description(task),
      dependencies: task === 1 ? [] : [`task-${task - 1}`],
      estimated_duration_ms: 60_000 * task,
      required_capabilities: ["nodejs"],
    })),
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  document: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(document));
}

/** As OpenAI-compatible services answer. */
export const sendChat = (response: ServerResponse, content: string, ended = "stop"): void =>
  sendJson(response, 200, {
    id: "chatcmpl-1",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: ended }],
    usage: { prompt_tokens: 900, completion_tokens: 300, total_tokens: 1200 },
  });
