import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MlflowService, openMlflow } from "../../src/mlflow/index.ts";
import { createRegistryClient } from "../../src/registry/client.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { Transport } from "../../src/registry/transport.ts";
import { CLIENT_CASES } from "../unit/registry/client-suite.ts";

let folder: string;
let service: MlflowService;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-registry-"));
  service = await openMlflow({ dataDir: folder, now: Date.now });
});
afterAll(async () => {
  service.close();
  await rm(folder, { recursive: true });
});

/** The embedded server as if it were older or foreign: it does not know these paths. */
const without =
  (transport: Transport, missing: RegExp): Transport =>
  async (request) => {
    if (!missing.test(request.path)) return transport(request);
    const body = new TextEncoder().encode("<!doctype html><title>404 Not Found</title><h1>Not Found</h1>");
    return { status: 404, headers: { "content-type": "text/html; charset=utf-8" }, body };
  };

const SERVERS: Readonly<Record<string, (transport: Transport) => Transport>> = {
  "the embedded server": (transport) => transport,
  "a server without logged models": (transport) => without(transport, /logged-models|runs\/outputs/),
  "a server without aliases": (transport) => without(transport, /registered-models\/alias/),
  "a server without stages": (transport) => without(transport, /transition-stage/),
  "a server behind a gateway that shows the API alone": (transport) => without(transport, /^\/(version|health)$/),
};

describe.each(Object.entries(SERVERS))("%s", (_, change) => {
  const open = (): Registry => createRegistryClient({ transport: change(service.transport), now: Date.now });
  test.each(Object.entries(CLIENT_CASES))("%s", async (_title, check) => {
    await check(open());
  });
});

test("capabilities are what the server has", async () => {
  const of = (missing: RegExp) =>
    createRegistryClient({ transport: without(service.transport, missing), now: Date.now }).capabilities();
  expect(await of(/^$/)).toMatchObject({
    loggedModels: true,
    aliases: true,
    stages: true,
    serverVersion: expect.stringMatching(/^3\./),
  });
  expect(await of(/logged-models|runs\/outputs/)).toMatchObject({ loggedModels: false, aliases: true, stages: true });
  expect(await of(/registered-models\/alias/)).toMatchObject({ aliases: false });
  expect(await of(/transition-stage/)).toMatchObject({ stages: false });
  expect(await of(/^\/version$/)).toMatchObject({ serverVersion: null, loggedModels: true });
});
