/** Runs the client's cases against a real server. Usage: node client-suite.ts BASE_URL */
import { CLIENT_CASES } from "../../unit/registry/client-suite.ts";
import { openRegistry } from "./open-registry.ts";

const [baseUrl] = process.argv.slice(2);
if (baseUrl === undefined) throw new Error("usage: node client-suite.ts BASE_URL");
const registry = openRegistry(baseUrl);
const { serverVersion } = await registry.capabilities();
let failed = 0;
for (const [title, check] of Object.entries(CLIENT_CASES)) {
  try {
    await check(registry);
    process.stdout.write(`ok - server ${serverVersion}: ${title}\n`);
  } catch (error) {
    failed++;
    process.stdout.write(
      `NOT OK - server ${serverVersion}: ${title} (${error instanceof Error ? error.stack : String(error)})\n`,
    );
  }
}
process.stdout.write(`${Object.keys(CLIENT_CASES).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
