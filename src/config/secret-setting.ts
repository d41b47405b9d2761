import { z } from "zod";
import { Secret } from "./secret.ts";

/** A setting that only the environment gives: `NAME`, or `NAME_FILE` with the path of a file that holds it. */
export const secret = (summary: string, env: string) =>
  z
    .instanceof(Secret, { error: `is a secret: set ${env} or ${env}_FILE in the environment, never a file or a flag` })
    .optional()
    .meta({ description: summary, env: [env], secret: true });
