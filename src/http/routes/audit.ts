import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { everyItem } from "../../loop/find-record.ts";
import type { House } from "../../loop/house.ts";
import { showAuditEntry, showList } from "../../loop/present.ts";
import { verifyAuditChain } from "../../store/audit-chain.ts";
import { auditAnswer, auditCheckAnswer } from "../schemas/records.ts";
import { page } from "../schemas/shared.ts";

/** Who changed what, when. */
export const auditRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/audit",
      {
        config: { permission: "administer", problems: ["bad_query"] },
        schema: {
          summary: "The audit log, oldest first: as `requeen audit list`",
          querystring: z.strictObject({
            ...page,
            subject: z.string().max(256).optional().describe("only about this specialist or source"),
            after: z.coerce.number().int().min(0).optional().describe("only entries after this number"),
          }),
          response: { 200: auditAnswer },
        },
      },
      async (request) => {
        const { subject, after, limit, cursor } = request.query;
        const { items, next } = await house.store.listAudit({ subject, afterSequence: after }, { limit, cursor });
        return showList("audit", items.map(showAuditEntry), next);
      },
    );

    app.get(
      "/audit/verify",
      {
        config: { permission: "administer" },
        schema: {
          summary: "Whether the whole log is as it was written: as `requeen audit verify`",
          description:
            "Reads the log from its first entry. Keep `last_hash`: only with it is the removal of the newest entries found.",
          response: { 200: auditCheckAnswer },
        },
      },
      async () => verifyAuditChain(everyItem((at) => house.store.listAudit({}, at))),
    );
    done();
  };
