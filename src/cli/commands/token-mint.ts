import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { roleSchema } from "../../core/identity.ts";
import { toIso } from "../../core/time.ts";
import { readLifetime } from "../../loop/tokens.ts";
import { defineCommand } from "../command.ts";

interface Minted {
  readonly token: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly specialists: readonly string[] | null;
  readonly expires_at: string;
}

const MAX_LIFE_MS = 24 * 3_600_000;

export const tokenMint = defineCommand({
  name: "token mint",
  summary: "Sign a short-lived JSON Web Token with JWT_SECRET_KEY, for a try-out or a script of an operator.",
  details:
    "Needs the secret in the environment, as the server has it: who has it can be anyone. A token lives a day at most; nothing is stored, so " +
    "it cannot be revoked.",
  arguments: { subject: { summary: "the person that the token names", type: z.string().min(1).max(256) } },
  options: {
    role: { summary: "a role; several times for several", value: "<role>", many: true, type: z.array(roleSchema).min(1) },
    specialist: {
      summary: "only this specialist; several times for several; without it, all",
      value: "<name>",
      many: true,
      type: z.array(z.string()).min(1).optional(),
    },
    expiresIn: { summary: "15m, 12h or 1d, a day at most", value: "<time>", type: z.string().default("15m") },
  },
  examples: [{ line: "requeen token mint anna --role reviewer --expires-in 1h", does: "a token of anna for an hour" }],
  changes: false,
  async run({ subject, role, specialist, expiresIn }, { config, now }): Promise<Minted> {
    const { auth } = config;
    if (auth.jwtSecret === undefined)
      throw new RequeenError(
        "bad_config",
        "JWT_SECRET_KEY must be set to sign a token; `requeen token create` makes keys without it",
      );
    const algorithm = auth.jwtAlgorithms.find((name) => name.startsWith("HS")) ?? "HS256";
    const lifeMs = readLifetime(expiresIn);
    if (lifeMs === null || lifeMs > MAX_LIFE_MS)
      throw new RequeenError(
        "bad_parameter",
        `--expires-in must be a day at most: nobody can revoke this token; got ${expiresIn}`,
      );
    const { SignJWT } = await import("jose");
    const [subjectClaim = "sub"] = auth.subjectClaims;
    const [rolesClaim = "roles"] = auth.rolesClaims;
    const [specialistsClaim = "specialists"] = auth.specialistsClaims;
    const expiresAtMs = (Math.floor(now() / 1_000) + Math.floor(lifeMs / 1_000)) * 1_000;
    const claims = {
      [subjectClaim]: subject,
      [rolesClaim]: role,
      ...(specialist === undefined ? {} : { [specialistsClaim]: specialist }),
    };
    const unsigned = new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setIssuedAt(Math.floor(now() / 1_000))
      .setExpirationTime(expiresAtMs / 1_000);
    if (auth.jwtIssuer !== undefined) unsigned.setIssuer(auth.jwtIssuer);
    if (auth.jwtAudience !== undefined) unsigned.setAudience(auth.jwtAudience);
    const token = await unsigned.sign(new TextEncoder().encode(auth.jwtSecret.reveal()));
    return { token, subject, roles: role, specialists: specialist ?? null, expires_at: toIso(expiresAtMs) };
  },
  render: ({ token }) => token,
});
