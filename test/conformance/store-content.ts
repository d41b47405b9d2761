import type { Store } from "../../src/store/store.ts";
import { aClaim } from "./claims.ts";
import {
  aDataset,
  aDeployment,
  aFeedback,
  anAuditEntry,
  anOpinion,
  aQuarantineEntry,
  aRun,
  aToken,
  T0,
} from "./store-documents.ts";

const WAITING = { specialist: "business", now: T0, reviewer: "ann", skippedSince: 0, unseen: false };

/** Puts something of every kind into a store: history, retracted and demoted judgements, running and ended runs, leases taken and given back. */
export async function fillStore(store: Store, opinions: number): Promise<void> {
  const ids = Array.from({ length: opinions }, (_, index) => `o${String(index).padStart(5, "0")}`);
  await store.addOpinions(
    ids.map((id, index) =>
      anOpinion(id, {
        evaluated_at: T0 + index,
        features: index % 5 === 0 ? null : { schema: "mail/1", values: [index, null, -0.5] },
        columns: { "dotted.name": index, $word: "🐝" },
        ...(index % 7 === 0 ? { group: "another group" } : {}),
      }),
    ),
  );
  await store.addFeedback(ids.map((id, index) => aFeedback(`f-${id}`, id, { tier: index % 3 === 0 ? "blind" : "rule" })));
  const again = ids.filter((_, index) => index % 4 === 0);
  await store.addFeedback(
    again.map((id) => aFeedback(`g-${id}`, id, { human_recommendation: "reject", submitted_at: T0 + 99_000_000 })),
  );
  await store.addFeedback(
    again.map((id) => aFeedback(`h-${id}`, id, { human_recommendation: "conditional", submitted_at: T0 + 1 })),
  );
  for (const id of again.slice(0, 3)) await store.retractFeedback(`g-${id}`, T0 + 5);
  await store.demoteFeedback(
    ids.slice(0, 10).map((id) => `f-${id}`),
    "echo",
  );
  const ended = aRun("run-1", { evidenceKey: "k1", started_at: T0 });
  await store.addRun(ended);
  await store.putRun({ ...ended, state: "finished", ended_at: T0 + 9, fence: 4 });
  await store.addRun(aRun("run-2", { evidenceKey: "k2", started_at: T0 + 10 }));
  await store.addDataset(aDataset("a"));
  await store.addDataset(aDataset("b", { rows_by_class: { "1.5": 2, $odd: 1 } }));
  await store.addDeployment(aDeployment("d-1"));
  await store.addQuarantine([aQuarantineEntry("q-1"), aQuarantineEntry("q-2", { document: null, state: "discarded" })]);
  const waiting = (await store.listWaiting(WAITING, 0, "up", 2)).map(({ opinion_id }) => opinion_id);
  for (const [index, id] of waiting.entries()) await store.addClaim(aClaim(`c-${index}`, id), T0);
  await store.putClaim(aClaim("c-1", waiting[1] ?? "", { state: "skipped", skip_reason: "?", closed_at: T0 + 1 }), "open");
  await store.addClaim(aClaim("c-2", waiting[1] ?? "", { claimed_at: T0 + 2, reviewer: "bob" }), T0 + 2);
  await store.markSeen("ann", waiting, T0);
  await store.appendAudit(
    Array.from({ length: 25 }, (_, index) => anAuditEntry(`s-${index}`, { details: { index, "a.b": [null] } })),
  );
  await store.addToken(aToken("00000000000000a1"));
  await store.addToken(aToken("00000000000000a2", { created_at: T0 + 1, specialists: null, expires_at: null }));
  await store.revokeToken("00000000000000a2", "ann", T0 + 2);
  await store.putSetting("import:position", { line: 17 });
  await store.acquireLease("run:business", "me", 1_000, T0);
  const taken = await store.acquireLease("planner", "me", 1_000, T0);
  await store.releaseLease("planner", "me", taken?.fence ?? 0);
}
