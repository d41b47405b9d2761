import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { createWebhook, headersOf, isLinkLocal, type WebhookOptions } from "../../../src/cluster/webhook.ts";
import type { RolloutChange } from "../../../src/loop/rollout-strategy.ts";

const CHANGE: RolloutChange = {
  specialist: "technical",
  model: "technical-evaluator",
  version: "4",
  predecessor: "3",
  action: "promote",
  deploymentId: "deployment-1",
};
const NOW_MS = Date.parse("2026-03-01T12:00:00Z");
const signal = new AbortController().signal;

let server: Server | null = null;
const seen: { headers: IncomingMessage["headers"]; body: string }[] = [];
afterEach(async () => {
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
  seen.length = 0;
});

/** Answers the statuses in order, the last for ever. */
async function receiver(...statuses: number[]): Promise<string> {
  server = createServer(async (request, response) => {
    seen.push({ headers: request.headers, body: await text(request) });
    const status = statuses[Math.min(seen.length, statuses.length) - 1] ?? 500;
    response.writeHead(status, status === 302 ? { location: "http://169.254.169.254/" } : {}).end();
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://hooks.test:${typeof address === "object" && address !== null ? address.port : 0}/x?key=hidden`;
}

const hook = (url: string, options: Partial<WebhookOptions> = {}) =>
  createWebhook({
    url,
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    timeoutMs: 2_000,
    attempts: 4,
    linkLocal: false,
    now: () => NOW_MS,
    pauseMs: () => 1,
    lookup: async () => ["127.0.0.1"],
    ...options,
  });

test("the signature is that of Standard Webhooks: their own published example verifies", () => {
  const body = '{"test": 2432232314}';
  const headers = headersOf("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test("a call that is repeated keeps id and meaning, and is signed over what is sent", async () => {
  await hook(await receiver(503, 429, 204))(CHANGE, signal);
  expect(seen).toHaveLength(3);
  for (const { headers, body } of seen) {
    expect(headers["webhook-id"]).toBe("deployment-1");
    expect(headers.host).toMatch(/^hooks\.test:/);
    const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(JSON.parse(body)).toEqual({
      type: "model.promoted",
      timestamp: "2026-03-01T12:00:00.000Z",
      data: {
        specialist: "technical",
        model: "technical-evaluator",
        version: "4",
        predecessor: "3",
        alias: "champion",
        deployment_id: "deployment-1",
      },
    });
  }
});

test("what the receiver refuses is not repeated, a redirect is not followed, and the address's key stays out of the message", async () => {
  for (const status of [400, 302]) {
    const url = await receiver(status);
    const failure = hook(url)(CHANGE, signal);
    await expect(failure).rejects.toMatchObject({ code: "rollout_failed", message: expect.stringContaining(`status ${status}`) });
    await expect(failure).rejects.toMatchObject({ message: expect.not.stringContaining("hidden") });
    expect(seen).toHaveLength(1);
    seen.length = 0;
    await new Promise((resolve) => server?.close(resolve));
  }
});

describe("link-local addresses", () => {
  const addresses = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::"];
  for (const address of addresses)
    test(`${address} is refused, written out or behind a name`, async () => {
      expect(isLinkLocal(address)).toBe(true);
      const host = address.includes(":") ? `[${address}]` : address;
      const refused = { code: "rollout_failed", message: expect.stringContaining("rollout.notifyLinkLocal") };
      await expect(hook(`http://${host}/`)(CHANGE, signal)).rejects.toMatchObject(refused);
      const behind = hook("http://hooks.test/", { lookup: async () => ["10.0.0.1", address] });
      await expect(behind(CHANGE, signal)).rejects.toMatchObject(refused);
    });
  test("addresses of the cluster are let in", () => {
    for (const address of ["10.96.0.1", "127.0.0.1", "192.168.1.1", "::1", "fd12::1", "8.8.8.8"])
      expect(isLinkLocal(address)).toBe(false);
  });
});
