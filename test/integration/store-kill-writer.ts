import { createInterface } from "node:readline";
import { openSqliteStore } from "../../src/store/index.ts";
import { aFeedback, anOpinion } from "../conformance/store-documents.ts";

/**
 * A process of store-kill.test.ts: adds feedback without end and prints each id after the store has acknowledged it.
 * Arguments: file, prefix of the ids.
 */
const [path = "", prefix = ""] = process.argv.slice(2);
const store = await openSqliteStore(path, { now: Date.now });
createInterface({ input: process.stdin }).on("close", () => process.exit(3)); // the test is gone: do not run on alone

for (let round = 0; ; round += 1) {
  const ids = Array.from({ length: 1 + (round % 7) }, (_, index) => `${prefix}-${round}-${index}`);
  await store.addOpinions(ids.map((id) => anOpinion(`o-${id}`)));
  const outcomes = await store.addFeedback(ids.map((id) => aFeedback(`f-${id}`, `o-${id}`)));
  await store.appendAudit([
    { at: round, actor: prefix, action: "feedback.add", subject: `f-${prefix}-${round}`, details: { count: ids.length } },
  ]);
  process.stdout.write(outcomes.map((answer) => `${answer.feedback_id}\n`).join(""));
}
