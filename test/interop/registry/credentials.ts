/** One reading and one writing call with the credentials of the environment. Usage: node credentials.ts BASE_URL taken|refused */
import { isRequeenError } from "../../../src/core/errors.ts";
import { openRegistry } from "./open-registry.ts";

const [baseUrl, wanted] = process.argv.slice(2);
if (baseUrl === undefined || wanted === undefined) throw new Error("usage: node credentials.ts BASE_URL taken|refused");
const registry = openRegistry(baseUrl);

const outcomeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return "taken";
  } catch (error) {
    return isRequeenError(error, "unauthenticated") ? "refused" : String(error);
  }
};
const outcomes = {
  "reading the capabilities": await outcomeOf(registry.capabilities()),
  "making an experiment": await outcomeOf(registry.getOrCreateExperiment(`credentials-${process.pid}`)),
};
let failed = 0;
for (const [title, outcome] of Object.entries(outcomes)) {
  if (outcome !== wanted) failed++;
  process.stdout.write(
    `${outcome === wanted ? "ok" : "NOT OK"} - ${title} is ${wanted}${outcome === wanted ? "" : ` (${outcome})`}\n`,
  );
}
process.stdout.write(`${Object.keys(outcomes).length - failed} passed, ${failed} failed\n`);
