import { createHmac } from "node:crypto";
import { lookup as lookupHost } from "node:dns/promises";
import { type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, isIP } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { RequeenError } from "../core/errors.ts";
import type { RolloutChange } from "../loop/rollout-strategy.ts";

export type Notify = (change: RolloutChange, signal: AbortSignal) => Promise<void>;

export interface WebhookOptions {
  readonly url: string;
  /** Null: not signed. `whsec_` and base64 as Standard Webhooks writes it, or any text. */
  readonly secret: string | null;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly linkLocal: boolean;
  readonly now: () => number;
  /** Before try `attempt` + 1. Default 1 s doubled, at most 60 s. */
  readonly pauseMs?: (attempt: number) => number;
  /** Gives the addresses of a host. Default: the machine's resolver. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/**
 * Tells a webhook of a change: POST of JSON, signed as Standard Webhooks 1.0 says (`webhook-id`, `webhook-timestamp`, `webhook-signature`:
 * `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body). The id stays the same when a call is repeated. Any 2xx is success; no
 * redirect is followed. Link-local addresses are refused after the name has been resolved, and what was looked at is what is connected to.
 */
export function createWebhook(options: WebhookOptions): Notify {
  const { url, secret, attempts, now, pauseMs = (attempt) => Math.min(60_000, 1_000 * 2 ** (attempt - 1)) } = options;
  return async (change, signal) => {
    const body = JSON.stringify(bodyOf(change, now()));
    let last = "";
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      signal.throwIfAborted();
      const address = await addressOf(options);
      const answer = await post(
        new URL(url),
        address,
        headersOf(change.deploymentId, now(), body, secret),
        body,
        options.timeoutMs,
        signal,
      );
      if (typeof answer === "number" && answer >= 200 && answer < 300) return;
      last = typeof answer === "number" ? `status ${answer}` : answer;
      // what the receiver refuses once it refuses again; 408, 425 and 429 say "later"
      if (typeof answer === "number" && answer < 500 && ![408, 425, 429].includes(answer)) break;
      if (attempt < attempts) await pause(pauseMs(attempt), undefined, { signal });
    }
    throw new RequeenError("rollout_failed", `the webhook ${withoutQuery(url)} did not take the change: ${last}`, {
      url: withoutQuery(url),
    });
  };
}

const withoutQuery = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};

const bodyOf = ({ specialist, model, version, predecessor, action, deploymentId }: RolloutChange, nowMs: number) => ({
  type: action === "promote" ? "model.promoted" : "model.rolled_back",
  timestamp: new Date(nowMs).toISOString(),
  data: { specialist, model, version, predecessor, alias: "champion", deployment_id: deploymentId },
});

/** The three headers and the content's own. */
export function headersOf(id: string, nowMs: number, body: string, secret: string | null): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const plain = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "user-agent": "requeen",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
  };
  if (secret === null) return plain;
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret, "utf8");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...plain, "webhook-signature": `v1,${signature}` };
}

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
// where Amazon's metadata service stands in IPv6
LINK_LOCAL.addAddress("fd00:ec2::254", "ipv6");
LINK_LOCAL.addSubnet("0.0.0.0", 8, "ipv4");
LINK_LOCAL.addAddress("::", "ipv6");

export function isLinkLocal(address: string): boolean {
  const family = isIP(address);
  // BlockList looks into IPv4-mapped addresses by itself
  return family !== 0 && LINK_LOCAL.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** Looked up anew for each try. @throws RequeenError forbidden */
async function addressOf({ url, linkLocal, lookup = resolve }: WebhookOptions): Promise<string | Error> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? await lookup(host) : [host];
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const refused = linkLocal ? undefined : addresses.find(isLinkLocal);
  if (refused !== undefined)
    throw new RequeenError(
      "rollout_failed",
      `the webhook ${withoutQuery(url)} stands at ${refused}, where cloud metadata services stand; rollout.notifyLinkLocal would let it`,
      { address: refused },
    );
  return addresses[0] ?? new Error(`${host} has no address`);
}

const resolve = async (host: string): Promise<string[]> => (await lookupHost(host, { all: true })).map(({ address }) => address);

/** Gives the status, or why there is none. */
function post(
  url: URL,
  address: string | Error,
  headers: Record<string, string>,
  body: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<number | string> {
  if (typeof address !== "string") return Promise.resolve(address.message);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const family = isIP(address);
  const options: RequestOptions = {
    method: "POST",
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeoutMs))]),
    // the address that was looked at, and no other: a name may change its mind
    lookup: (_host, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family)),
  };
  return new Promise((settle) => {
    const request = send(url, options, (response) => {
      response.resume();
      settle(response.statusCode ?? 0);
    });
    request.on("error", (error) => settle(signal.aborted ? "interrupted" : error.message));
    request.end(body);
  });
}
