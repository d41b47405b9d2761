import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PAGES } from "./pages.ts";

/** The generated pages whose file is missing or differs, with the text that they should have. */
export async function findStalePages(root: string): Promise<{ path: string; text: string }[]> {
  const pages = await Promise.all(Object.entries(PAGES).map(async ([path, make]) => ({ path, text: await make() })));
  return pages.filter(({ path, text }) => !existsSync(join(root, path)) || readFileSync(join(root, path), "utf8") !== text);
}
