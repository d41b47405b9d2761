import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RequeenError } from "../../core/errors.ts";
import type { Authenticate } from "./authenticate.ts";
import { refusal } from "./refusal.ts";

/** One token that may do everything: what a server on the loopback address has without configuration. */
export function adminToken(token: string, subject: string): Authenticate {
  const wanted = digest(token);
  return async (given) => {
    // digests have one length whatever was sent, so the comparison takes the same time
    if (given !== undefined && timingSafeEqual(digest(given), wanted))
      return { subject, roles: ["admin"], specialists: null, channel: "person", via: "admin_token", expiresAtMs: null };
    throw given === undefined
      ? refusal("missing", "the request has no Authorization header with a bearer token")
      : refusal("unknown", "the bearer token is not the one of this server");
  };
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

export const TOKEN_FILE = "admin-token";
export const SESSION_KEY_FILE = "session-key";

/** The admin token of a data folder, made at the first call. @throws as readSecretFile */
export async function readAdminToken(dataDir: string): Promise<{ token: string; file: string }> {
  const { secret, file } = await readSecretFile(dataDir, TOKEN_FILE);
  return { token: secret, file };
}

/**
 * A secret of a data folder, made at the first call: 32 random bytes as text in a file that only its owner can read.
 * @throws RequeenError store_read_only; forbidden when others can read the file
 */
export async function readSecretFile(dataDir: string, name: string): Promise<{ secret: string; file: string }> {
  const file = join(dataDir, name);
  await mkdir(dataDir, { recursive: true });
  const mine = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(mine, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    await chmod(mine, 0o600);
    // link fails where a secret is there already, so that two servers started together share one
    await link(mine, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } catch (cause) {
    throw new RequeenError(
      "store_read_only",
      `the secret file ${file} cannot be made: ${(cause as Error).message}`,
      { file },
      { cause },
    );
  } finally {
    await rm(mine, { force: true });
  }
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0)
    throw new RequeenError(
      "forbidden",
      `the secret file ${file} can be read by others (mode ${(mode & 0o777).toString(8)}); run chmod 600 on it`,
      { file },
    );
  return { secret: (await readFile(file, "utf8")).trim(), file };
}
