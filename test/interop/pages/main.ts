import { join } from "node:path";
import { openBrowser } from "./browser.ts";
import { columnsScenario, operateScenarios, outageScenario } from "./operate.ts";
import { Report } from "./report.ts";
import { reviewScenarios } from "./review.ts";
import { addressesOf, safetyScenarios } from "./safety.ts";
import { copyOf, emptyFolder, judgePlans, makeHive, removeFolder, startServer } from "./server.ts";
import { lookAtViews } from "./shots.ts";

/**
 * The pages in a real browser, against real `requeen serve` processes on the data of the hive example.
 * Words choose parts: review, operate, safety, views; without one, all. Pictures go to PAGES_SHOTS.
 */
const wanted = process.argv.slice(2);
const isWanted = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
const folder = process.env.PAGES_SHOTS ?? join(import.meta.dirname, "../../../node_modules/.cache/pages-shots");

const report = new Report();
// made by `requeen example hive --data-dir FOLDER`: spares its fifteen seconds while one works on the pages
const given = process.env.PAGES_HIVE;
const hive = given ?? (await makeHive());
const copies: string[] = given === undefined ? [hive] : [];
const copy = async (): Promise<string> => {
  const made = await copyOf(hive);
  copies.push(made);
  return made;
};
const browser = await openBrowser();
try {
  if (isWanted("views")) {
    const server = await startServer(await copy());
    await judgePlans(server, "business", 30, 31);
    await lookAtViews(report, browser, server, await addressesOf(server), folder);
    await server.stop();
  }
  const server = await startServer(await copy());
  if (isWanted("review")) await reviewScenarios(report, browser, server);
  if (isWanted("operate")) {
    if (!isWanted("review")) await judgePlans(server, "business", 5, 32);
    await operateScenarios(report, browser, server);
  }
  if (isWanted("safety")) await safetyScenarios(report, browser, server);
  await server.stop();
  if (isWanted("operate")) {
    await outageScenario(report, browser, server.dataDir);
    const empty = await emptyFolder();
    copies.push(empty);
    await columnsScenario(report, browser, empty);
  }
} finally {
  await browser.close();
  for (const made of copies) await removeFolder(made);
}
report.end();
