import Fastify, { type InjectOptions } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { installErrors } from "../../../src/http/errors.ts";

const app = Fastify({ bodyLimit: 1_000 }).withTypeProvider<ZodTypeProvider>();
app.setValidatorCompiler(validatorCompiler);
app.setSerializerCompiler(serializerCompiler);
app.removeContentTypeParser("text/plain");
installErrors(app);
const body = z.strictObject({
  name: z.string().min(2).max(5),
  share: z.number().min(0).max(1).nullable().default(null),
  count: z.number().gt(3).optional(),
  kind: z.enum(["a", "b"]).optional(),
  tags: z.array(z.string()).max(2).optional(),
  inner: z.strictObject({ deep: z.boolean() }).optional(),
});
const querystring = z.strictObject({
  limit: z.coerce.number().int().min(1).max(9).default(3),
  from: z.iso.datetime().optional(),
});
app.post("/things", { schema: { body, querystring } }, async () => ({}));
app.post("/table", { config: { consumes: ["text/csv", "application/x-ndjson"] } }, async () => ({}));
afterAll(() => app.close());

const asked = async (options: InjectOptions) => (await app.inject({ method: "POST", ...options })).json();
const sent = (payload: object) => asked({ url: "/things", payload });

describe("what is said of a request that does not fit", () => {
  test.each([
    [{}, { field: "name", detail: "name is required" }],
    [{ name: "x" }, { field: "name", minimum: 2, detail: "name must have at least 2 characters; got 1" }],
    [{ name: "abcdef" }, { field: "name", maximum: 5, detail: "name must have at most 5 characters; got 6" }],
    [{ name: 7 }, { field: "name", detail: "name must be a text; got 7" }],
    [
      { name: "ab", share: 7 },
      { field: "share", maximum: 1, detail: "share must be at most 1; got 7" },
    ],
    [
      { name: "ab", share: "0.5" },
      { field: "share", detail: 'share must be a number; got "0.5"' },
    ],
    [
      { name: "ab", count: 3 },
      { field: "count", minimum: 3, detail: "count must be more than 3; got 3" },
    ],
    [
      { name: "ab", kind: "c" },
      { field: "kind", allowed: ["a", "b"], detail: 'kind must be one of a, b; got "c"' },
    ],
    [
      { name: "ab", tags: ["1", "2", "3"] },
      { field: "tags", maximum: 2, detail: "tags must have at most 2 items; got 3" },
    ],
    [
      { name: "ab", tags: ["1", 2] },
      { field: "tags.1", detail: "tags.1 must be a text; got 2" },
    ],
    [
      { name: "ab", inner: [] },
      { field: "inner", detail: "inner must be an object; got a list" },
    ],
    [
      { name: "ab", inner: { deep: true, more: 1 } },
      { field: "inner.more", detail: "inner.more is not a field of inner" },
    ],
    [
      { name: "ab", colour: 1 },
      {
        field: "colour",
        allowed: ["name", "share", "count", "kind", "tags", "inner"],
        detail: /^colour is not a field of the body; it has name/,
      },
    ],
    [[], { detail: "the body must be an object; got a list" }],
  ] as const)("%j", async (payload, { detail, ...facts }) => {
    const { detail: said, ...problem } = await sent(payload as object);
    expect(said).toMatch(detail instanceof RegExp ? detail : new RegExp(`^${detail.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
    expect(problem).toMatchObject({ code: "bad_request", status: 400, ...facts });
  });
  test("of several faults each is named, and none is put first", async () => {
    const problem = await sent({ name: 1, share: -1 });
    expect(problem).toMatchObject({
      detail: "name must be a text; got 1; share must be at least 0; got -1",
      problems: [{ field: "name" }, { field: "share", minimum: 0 }],
    });
    expect(problem.field).toBeUndefined();
  });
  test("queries as well as bodies, with the words that came", async () => {
    const payload = { name: "ab" };
    expect(await asked({ url: "/things?limit=many", payload })).toMatchObject({
      field: "limit",
      detail: 'limit must be a number; got "many"',
    });
    expect(await asked({ url: "/things?limit=0", payload })).toMatchObject({ field: "limit", minimum: 1 });
    expect(await asked({ url: "/things?sort=up", payload })).toMatchObject({ field: "sort", allowed: ["limit", "from"] });
    expect(await asked({ url: "/things?from=today", payload })).toMatchObject({ field: "from", detail: /got "today"$/ });
  });
  test("a missing body is asked for", async () => {
    expect(await asked({ url: "/things" })).toMatchObject({ detail: "the body is required; send it with its Content-Type" });
  });
  test("what came is never told at length", async () => {
    const { detail } = await sent({ name: "ab", kind: "x".repeat(500) });
    expect(detail.length).toBeLessThan(150);
  });
});

test("415 names the types that the route takes, 413 the length", async () => {
  const text = { "content-type": "text/plain" };
  expect(await asked({ url: "/things", headers: text, payload: "{}" })).toMatchObject({
    status: 415,
    field: "Content-Type",
    allowed: ["application/json"],
    detail: "Content-Type must be application/json; got text/plain",
  });
  expect(await asked({ url: "/table", headers: text, payload: "a" })).toMatchObject({
    status: 415,
    allowed: ["text/csv", "application/x-ndjson"],
  });
  expect(await sent({ name: "x".repeat(2_000) })).toMatchObject({
    status: 413,
    maximum: 1_000,
    detail: "the body must be at most 1000 bytes long (server.bodyLimitBytes); got 2011",
  });
});
