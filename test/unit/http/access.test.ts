import Fastify from "fastify";
import { expect, test } from "vitest";
import type { Identity } from "../../../src/core/identity.ts";
import { installAccess } from "../../../src/http/auth/access.ts";
import { installErrors } from "../../../src/http/errors.ts";

const viewer: Identity = {
  subject: "vic",
  roles: ["viewer"],
  specialists: null,
  channel: "person",
  via: "jwt",
  expiresAtMs: null,
};

/** An app of two routes behind the one door. */
async function open(config: { permission?: "operate" | "read" | "public" }) {
  const app = Fastify();
  installErrors(app);
  app.decorateRequest("identity");
  app.decorate("routeAccess", []);
  let reached = 0;
  await app.register(async (scope) => {
    installAccess(scope, async () => viewer);
    scope.post("/change", { config }, async ({ identity }) => {
      reached += 1;
      return { subject: identity?.subject ?? null };
    });
  });
  await app.ready();
  return { app, reached: () => reached };
}

test("a route that does not say who may use it keeps the server from starting, and is named", async () => {
  await expect(open({})).rejects.toThrow(/route POST \/change must say who may use it/);
});

test("a handler is not reached without its permission, and gets the identity with it", async () => {
  const closed = await open({ permission: "operate" });
  const refused = await closed.app.inject({ method: "POST", url: "/change" });
  expect([refused.statusCode, refused.json().permission, closed.reached()]).toEqual([403, "operate", 0]);
  const allowed = await (await open({ permission: "read" })).app.inject({ method: "POST", url: "/change" });
  expect([allowed.statusCode, allowed.json(), allowed.headers["cache-control"]]).toEqual([
    200,
    { subject: "vic" },
    "private, no-cache",
  ]);
});

test("a public route asks nobody", async () => {
  const answer = await (await open({ permission: "public" })).app.inject({ method: "POST", url: "/change" });
  expect(answer.json()).toEqual({ subject: null });
});
