import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { RequeenError } from "../../src/core/errors.ts";
import { buildApp } from "../../src/http/app.ts";
import { type OpenApiDocument, openApiDocument } from "../../src/http/openapi-document.ts";

let made: Promise<OpenApiDocument> | null = null;

/** The OpenAPI document of the API as it is in the sources, made once a process over an empty data folder. */
export function readOpenApi(): Promise<OpenApiDocument> {
  made ??= makeDocument();
  return made;
}

async function makeDocument(): Promise<OpenApiDocument> {
  const dataDir = mkdtempSync(join(tmpdir(), "requeen-docs-"));
  const { config } = await readConfig({ workingDirectory: dataDir, environment: { REQUEEN_DATA_DIR: dataDir } });
  const opened = await openHouse({ config, now: Date.now });
  const app = await buildApp({
    house: opened.house,
    authenticate: () => Promise.reject(new RequeenError("unauthenticated", "nobody asks this app anything")),
    mlflow: null,
    logger: false,
  });
  try {
    await app.ready();
    return openApiDocument(app);
  } finally {
    await app.close();
    await opened.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
