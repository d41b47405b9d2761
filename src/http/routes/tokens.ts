import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { roleSchema } from "../../core/identity.ts";
import { PROGRAM_ROLES, TOKEN_TIERS, type TokenTier, tokenSchema } from "../../core/token.ts";
import type { House } from "../../loop/house.ts";
import { type ShownList, showList } from "../../loop/present.ts";
import { createToken, type MadeToken, revokeToken, type ShownToken, showToken } from "../../loop/tokens.ts";
import type { SignIn } from "../auth/sign-in.ts";
import { documentSchema } from "../schemas/document-schema.ts";
import { listOf, page, shape } from "../schemas/shared.ts";

const administer = { permission: "administer" } as const;
const tierSchema = z.enum(Object.keys(TOKEN_TIERS) as TokenTier[]);

const shownFields = z.strictObject({
  ...tokenSchema.omit({ secret_sha256: true }).shape,
  state: z.enum(["active", "expired", "revoked"]),
});
const shown = shape<ShownToken>("Token", documentSchema(shownFields));
const made = shape<MadeToken>(
  "MadeToken",
  documentSchema(
    z.strictObject({ ...shownFields.shape, token: z.string().describe("the key itself: shown now and never again") }),
  ),
);

const newToken = z.strictObject({
  name: tokenSchema.shape.name.describe("names the program: its labels are those of the reviewer `program:<name>`"),
  roles: z.array(roleSchema.extract(PROGRAM_ROLES)).min(1).default(["program"]).describe("roles of programs"),
  specialists: z.array(z.string().min(1)).min(1).nullable().default(null).describe("that it may touch; null: all"),
  tier: tierSchema.default("rule").describe("of its labels; bulk: a person answers for them"),
  vouched_by: z
    .string()
    .min(1)
    .max(256)
    .nullable()
    .default(null)
    .describe("who answers for labels of tier bulk; by default who asks"),
  expires_in: z.string().max(16).default("90d").describe("90d, 12h, 15m or never"),
});

/** API keys of programs. */
export const tokenRoutes =
  (house: House, signIn: SignIn | null): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    app.get(
      "/tokens",
      {
        config: { ...administer, problems: ["bad_query"] },
        schema: {
          summary: "API keys, newest first, without their secrets: as `requeen token list`",
          querystring: z.strictObject(page),
          response: { 200: listOf<ShownList<"tokens", ShownToken>>("TokenList", "tokens", shown) },
        },
      },
      async (request) => {
        const { items, next } = await house.store.listTokens(request.query);
        const now = house.now();
        return showList(
          "tokens",
          items.map((token) => showToken(token, now)),
          next,
        );
      },
    );

    app.post(
      "/tokens",
      {
        config: { ...administer, problems: ["specialist_not_found"] },
        schema: {
          summary: "Make an API key: as `requeen token create`",
          description:
            "An Idempotency-Key has no effect here: the answer holds a secret, and nothing stores it. Revoke a key whose answer was lost.",
          body: newToken,
          response: { 201: made },
        },
      },
      async (request, reply) => {
        const { vouched_by: vouchedBy, expires_in: expiresIn, ...rest } = request.body;
        const acting = { ...house, actor: request.identity.subject };
        const token = await createToken(acting, { ...rest, vouchedBy, expiresIn });
        return reply.code(201).send(token);
      },
    );

    app.delete(
      "/tokens/:id",
      {
        config: { ...administer, problems: ["not_found"] },
        schema: {
          summary: "Revoke an API key for good: as `requeen token revoke`",
          params: z.strictObject({ id: z.string().max(64) }),
          response: { 200: shown },
        },
      },
      async (request) => {
        const { id } = request.params;
        const token = await revokeToken({ ...house, actor: request.identity.subject }, id);
        signIn?.apiKeys.forget(id);
        return token;
      },
    );
    done();
  };
