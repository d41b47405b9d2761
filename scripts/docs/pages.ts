import { featuresMarkdown } from "../../src/features/features-markdown.ts";
import { apiPage } from "./api-page.ts";
import { cliPage } from "./cli-page.ts";
import { clientTypes } from "./client-types.ts";
import { configPage } from "./config-page.ts";
import { errorsPage } from "./errors-page.ts";
import { kubernetesFiles } from "./kubernetes-files.ts";

/** Every generated page by its path, and its text as it should be now. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/errors.md": errorsPage,
  "docs/config.md": configPage,
  "docs/cli.md": cliPage,
  "docs/api.md": apiPage,
  "src/client/api-types.ts": clientTypes,
  "docs/guide/features.md": featuresMarkdown,
  ...kubernetesFiles(),
};
