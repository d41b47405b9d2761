import * as client from "openid-client";
import { z } from "zod";
import { isRequeenError, RequeenError } from "../../core/errors.ts";
import type { Identity } from "../../core/identity.ts";
import { type ClaimRules, identityOfClaims } from "./claims.ts";
import { refusal } from "./refusal.ts";
import type { Sealer } from "./sealer.ts";

export interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client; PKCE protects the code either way. */
  readonly clientSecret: string | null;
  /** Where the provider leads back to; the configured address, never the Host header. */
  readonly redirectUri: string;
  readonly scope: string;
  readonly clockToleranceSeconds: number;
  readonly claims: ClaimRules;
  readonly sealer: Sealer;
  readonly now: () => number;
}

/** Sign-in at an OpenID provider: authorization code flow with PKCE, state and nonce; the ID token's signature is checked. */
export interface OidcSignIn {
  /** Where the browser goes, and the cookie by which it is known when it comes back. @throws RequeenError identity_unavailable */
  begin(returnTo: string): Promise<{ readonly address: string; readonly cookie: string }>;
  /**
   * Who came back, and where to.
   * @param query of the address that the provider led to, as it came.
   * @throws RequeenError unauthenticated (provider, expired, claims), identity_unavailable
   */
  finish(query: string, cookie: string | undefined): Promise<{ readonly identity: Identity; readonly returnTo: string }>;
  /** Where the browser ends its session at the provider too; null when the provider has no such address. */
  signOutAddress(returnTo: string): Promise<string | null>;
}

/** How long a person may take at the provider. */
export const LOGIN_MS = 10 * 60_000;
const PURPOSE = "login";
const TIMEOUT_SECONDS = 10;

const loginSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  expiresAtMs: z.number(),
});

export function oidcSignIn(options: OidcOptions): OidcSignIn {
  const { sealer, now, redirectUri, scope, claims } = options;
  let discovered: Promise<client.Configuration> | null = null;
  const provider = (): Promise<client.Configuration> => {
    discovered ??= discover(options).catch((error: unknown) => {
      discovered = null; // asked again by the next sign-in
      throw error;
    });
    return discovered;
  };

  return {
    async begin(returnTo) {
      const configuration = await provider();
      const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
      const address = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      const cookie = sealer.seal(PURPOSE, { state, nonce, verifier, returnTo: ownPath(returnTo), expiresAtMs: now() + LOGIN_MS });
      return { address: address.href, cookie };
    },

    async finish(query, cookie) {
      const login = loginSchema.safeParse(cookie === undefined ? null : sealer.open(PURPOSE, cookie));
      if (!login.success) throw refusal("provider", "this browser has not begun a sign-in here: begin again at /auth/login");
      const { state, nonce, verifier, returnTo, expiresAtMs } = login.data;
      if (now() >= expiresAtMs) throw refusal("expired", "the sign-in took longer than ten minutes: begin again at /auth/login");
      const configuration = await provider();
      const came = new URL(redirectUri);
      came.search = query;
      try {
        const tokens = await client.authorizationCodeGrant(configuration, came, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const confirmed = tokens.claims();
        if (confirmed === undefined) throw refusal("provider", "the provider sent no ID token");
        // the ID token's own end is that of the sign-in, minutes away; the session has an end of its own
        return { identity: identityOfClaims(confirmed, claims, "session", null), returnTo };
      } catch (error) {
        throw asRefusal(error, options.issuer);
      }
    },

    async signOutAddress(returnTo) {
      const configuration = await provider();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
      return client.buildEndSessionUrl(configuration, { post_logout_redirect_uri: new URL(ownPath(returnTo), redirectUri).href })
        .href;
    },
  };
}

/** Only a path of this server: a sign-in must not lead to somebody else's page. */
export const ownPath = (path: string): string =>
  /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.startsWith("/auth/") ? path : "/";

async function discover({ issuer, clientId, clientSecret, clockToleranceSeconds }: OidcOptions): Promise<client.Configuration> {
  const server = new URL(issuer);
  const authentication = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
  try {
    return await client.discovery(server, clientId, { [client.clockTolerance]: clockToleranceSeconds }, authentication, {
      // the configuration lets plain HTTP pass for this machine and a cluster's own names only
      execute: [client.enableNonRepudiationChecks, ...(server.protocol === "http:" ? [client.allowInsecureRequests] : [])],
      timeout: TIMEOUT_SECONDS,
    });
  } catch (cause) {
    throw new RequeenError(
      "identity_unavailable",
      `the OpenID provider ${issuer} cannot be read: ${(cause as Error).message}`,
      { issuer },
      { cause },
    );
  }
}

function asRefusal(error: unknown, issuer: string): unknown {
  if (isRequeenError(error) || !(error instanceof Error)) return error;
  const options = { cause: error };
  if (error instanceof client.AuthorizationResponseError)
    return refusal(
      "provider",
      `the provider refused the sign-in: ${plain(error.error)}`,
      { provider_error: plain(error.error) },
      options,
    );
  if (error instanceof client.ResponseBodyError && error.status < 500)
    return refusal(
      "provider",
      `the provider did not take the code: ${plain(error.error)}`,
      { provider_error: plain(error.error) },
      options,
    );
  const codes = (error as client.ClientError).code ?? "";
  if (
    error instanceof TypeError ||
    error instanceof client.ResponseBodyError ||
    /^OAUTH_(TIMEOUT|ABORT|RESPONSE_IS_NOT)/.test(codes)
  )
    return new RequeenError(
      "identity_unavailable",
      `the OpenID provider ${issuer} does not answer as it should`,
      { issuer },
      options,
    );
  return refusal("provider", "the provider's answer does not belong to this sign-in, or is not signed by it", {}, options);
}

/** A code of the provider's, as text that may be shown. */
const plain = (code: string): string => code.replaceAll(/[^\w.-]/g, "").slice(0, 64);
