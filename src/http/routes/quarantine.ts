import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { QuarantineEntry } from "../../core/audit.ts";
import { RequeenError } from "../../core/errors.ts";
import { CHANNELS } from "../../core/evidence.ts";
import type { Identity } from "../../core/identity.ts";
import { isRecord } from "../../loop/documents/cells.ts";
import type { House } from "../../loop/house.ts";
import { showList, showQuarantine } from "../../loop/present.ts";
import { replayAll, waitingEntries } from "../../loop/quarantine.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import { houseInScope } from "../auth/access.ts";
import { discardedAnswer, replayedAnswer, vouchBody } from "../schemas/imports.ts";
import { quarantineAnswer } from "../schemas/records.ts";
import { byId, page } from "../schemas/shared.ts";
import { vouching } from "./imports.ts";

const KIND = z.enum(["opinion", "feedback"]);

/** What could not be read: listed, tried again, given up. */
export const quarantineRoutes =
  (house: House): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    app.get(
      "/quarantine",
      {
        config: { permission: "import", problems: ["bad_query"] },
        schema: {
          summary: "Documents that could not be read, newest first, with the reason: as `requeen feedback quarantine`",
          description:
            "Whoever has a scope sees the documents that name a specialist of it; a page may then be shorter than its limit.",
          querystring: z.strictObject({
            ...page,
            kind: KIND.optional(),
            state: z.enum(["waiting", "replayed", "discarded"]).default("waiting"),
          }),
          response: { 200: quarantineAnswer },
        },
      },
      async (request) => {
        const { kind, state, limit, cursor } = request.query;
        const { items, next } = await house.store.listQuarantine({ kind, state }, { limit, cursor });
        return showList("quarantine", items.filter((entry) => isVisible(request.identity, entry)).map(showQuarantine), next);
      },
    );

    app.post(
      "/quarantine/replay",
      {
        config: { permission: "import", problems: [] },
        schema: {
          summary: "Try all that waits again, opinions first: as `requeen feedback quarantine --replay`",
          body: z
            .strictObject({
              kind: KIND.optional(),
              vouch: z.boolean().default(false),
              reason: z.string().min(1).max(2_000).optional(),
            })
            .prefault({}),
          response: { 200: replayedAnswer },
        },
      },
      async (request) => {
        const { kind, vouch, reason } = request.body;
        const entries = async function* (): AsyncGenerator<QuarantineEntry> {
          for await (const entry of waitingEntries(house, kind)) if (isVisible(request.identity, entry)) yield entry;
        };
        return replay(request.identity, entries(), vouch, reason);
      },
    );

    app.post(
      "/quarantine/:id/replay",
      {
        config: { permission: "import", problems: ["not_found"] },
        schema: {
          summary: "Try one document again, after what it lacked has come",
          params: byId,
          body: vouchBody,
          response: { 200: replayedAnswer },
        },
      },
      async (request) => {
        const entry = await visibleEntry(request.identity, request.params.id);
        const entries = async function* (): AsyncGenerator<QuarantineEntry> {
          yield entry;
        };
        return replay(request.identity, entries(), request.body.vouch, request.body.reason);
      },
    );

    app.post(
      "/quarantine/:id/discard",
      {
        config: { permission: "import", problems: ["not_found"] },
        schema: {
          summary: "Give one document up: it is kept, and waits no longer",
          params: byId,
          response: { 200: discardedAnswer },
        },
      },
      async (request) => {
        const entry = await visibleEntry(request.identity, request.params.id);
        await house.store.setQuarantineState(entry.quarantine_id, "discarded");
        await house.store.appendAudit([
          {
            at: house.now(),
            actor: request.identity.subject,
            action: "quarantine.discard",
            subject: entry.source,
            details: { quarantine_id: entry.quarantine_id, kind: entry.kind },
          },
        ]);
        return { discarded: 1, dry_run: false };
      },
    );

    const visibleEntry = async (identity: Identity, id: string): Promise<QuarantineEntry> => {
      const entry = await house.store.getQuarantine(id);
      if (entry !== null && isVisible(identity, entry)) return entry;
      throw new RequeenError("not_found", `the quarantine has no entry ${JSON.stringify(id)}`, { quarantine_id: id });
    };
    const replay = async (
      identity: Identity,
      entries: AsyncIterable<QuarantineEntry>,
      vouched: boolean,
      reason: string | undefined,
    ): Promise<{ replay: ShownImport }> => {
      const { channel, vouchedBy } = await vouching(house, identity, vouched, reason);
      const acting = { ...houseInScope(house, identity), actor: identity.subject };
      const report = await replayAll(acting, entries, { channel, vouchedBy });
      return {
        replay: { ...report, source: "the quarantine", tier: CHANNELS[channel], unreadable: 0, dry_run: false, strict: false },
      };
    };
    done();
  };

/** Documents that name no specialist are seen by those alone who see all. */
const isVisible = ({ specialists }: Identity, { document }: QuarantineEntry): boolean =>
  specialists === null || (isRecord(document) && specialists.includes(String(document.specialist_type)));
