import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { watchOnce } from "../../src/loop/watch.ts";
import { openToyHouse } from "./support/open-house.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-watch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a look around while the store is away is logged and begins nothing; the next one is as usual", async () => {
  const opened = await openToyHouse(folder);
  await opened.close();
  const logged: unknown[] = [];
  const away = {
    ...opened.house,
    log: (event: string, { code }: Readonly<Record<string, unknown>>) => void logged.push([event, code]),
  };
  expect(await watchOnce(away)).toEqual({ settled: 0, runs: [] });
  expect(logged).toContainEqual(["watch.error", "store_unavailable"]);

  const again = await openToyHouse(folder);
  expect(await watchOnce(again.house)).toEqual({ settled: 0, runs: [] });
  await again.close();
});
