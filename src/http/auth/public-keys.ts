import { readFile } from "node:fs/promises";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters, type LocalJWKSet } from "jose";
import { RequeenError } from "../../core/errors.ts";

/** The public key that a token's header names. @throws a JOSE error when there is none; RequeenError identity_unavailable */
export type KeyOf = (header: JWSHeaderParameters) => ReturnType<LocalJWKSet>;

/** @throws RequeenError bad_config */
export async function keysOfFile(file: string): Promise<KeyOf> {
  let set: LocalJWKSet;
  try {
    set = createLocalJWKSet(JSON.parse(await readFile(file, "utf8")) as JSONWebKeySet);
  } catch (cause) {
    const message = `auth.jwksFile must name a file with a JSON Web Key Set; ${file}: ${(cause as Error).message}`;
    throw new RequeenError("bad_config", message, { file }, { cause });
  }
  return (header) => set(header);
}

export interface RemoteKeys {
  readonly url: string;
  readonly now: () => number;
  readonly log: (event: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Keys older than this are fetched again, while the old ones serve. */
const FRESH_MS = 10 * 60_000;
/** Keys that could not be renewed for so long are not trusted any more: one of them may have been withdrawn. */
const TRUSTED_MS = 24 * 3_600_000;
/** Between two fetches, whatever kids tokens name and however the last one ended. */
const COOL_DOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
const LIMIT_BYTES = 512 * 1024;

/**
 * Keys of an address: fetched at the first token and when a token names a key that is not there, at most once in 30 s and never twice at a
 * time. While the address does not answer, the keys at hand serve, for a day.
 */
export function keysOfUrl({ url, now, log }: RemoteKeys): KeyOf {
  let keys: { readonly set: LocalJWKSet; readonly atMs: number } | null = null;
  let fetching: Promise<void> | null = null;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  const renew = (): Promise<void> => {
    if (fetching !== null) return fetching;
    if (now() - triedAtMs < COOL_DOWN_MS) return Promise.resolve();
    triedAtMs = now();
    fetching = fetchKeys(url)
      .then(
        (set) => {
          keys = { set, atMs: now() };
        },
        (error: Error) => log("keys_not_fetched", { url, error: error.message }),
      )
      .finally(() => {
        fetching = null;
      });
    return fetching;
  };

  const trusted = (): LocalJWKSet => {
    if (keys !== null && now() - keys.atMs <= TRUSTED_MS) return keys.set;
    throw new RequeenError("identity_unavailable", `the public keys of ${url} cannot be fetched, so no token can be checked`, {
      url,
    });
  };

  return async (header) => {
    if (keys === null || now() - keys.atMs > TRUSTED_MS) await renew();
    else if (now() - keys.atMs > FRESH_MS) void renew();
    try {
      return await trusted()(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await renew();
      return await trusted()(header);
    }
  };
}

/** The keys of an address, now. @throws Error that says what the address answers instead */
export async function fetchKeys(url: string): Promise<LocalJWKSet> {
  const answer = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return createLocalJWKSet(JSON.parse(await limitedText(answer)) as JSONWebKeySet);
}

async function limitedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength;
    if (bytes > LIMIT_BYTES) throw new Error(`it sends more than ${LIMIT_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
