import { openSqliteStore } from "../../../src/store/index.ts";
import { aClaim } from "../../conformance/claims.ts";
import { T0 } from "../../conformance/store-documents.ts";

/** Takes every opinion that it can and says which: claim-all.ts FILE REVIEWER OPINIONS. */
const [file = "", reviewer = "", opinions = "0"] = process.argv.slice(2);
const store = await openSqliteStore(file, { now: Date.now });
const taken: string[] = [];
for (let index = 0; index < Number(opinions); index += 1) {
  const id = `o-${index}`;
  if (await store.addClaim(aClaim(`claim-${reviewer}-${index}`, id, { reviewer }), T0)) taken.push(id);
}
await store.close();
process.send?.(taken);
