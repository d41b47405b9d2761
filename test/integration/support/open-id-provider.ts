import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, SignJWT } from "jose";

/** An OpenID provider that signs for real: discovery, keys, tokens. What it does wrong, a test says. */
export interface OpenIdProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Plays the person who signs in: gives the address that the browser is led back to. */
  login(authorizationUrl: string, claims: Readonly<Record<string, unknown>>): string;
  /** Changed by tests. */
  wrong: Partial<{
    /** Claims that replace the right ones in the ID token. */
    idToken: Readonly<Record<string, unknown>>;
    /** Signs with a key that the provider does not publish. */
    strangeKey: boolean;
    /** Answers nothing. */
    away: boolean;
  }>;
  /** Requests by path, in order. */
  readonly asked: string[];
}

interface Grant {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

export const CLIENT = { id: "requeen", secret: "client secret of the test" };

export async function openIdProvider(): Promise<OpenIdProvider> {
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const strange = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  const asked: string[] = [];
  const state: Pick<OpenIdProvider, "wrong"> = { wrong: {} };
  let issuer = "";

  const token = async (request: IncomingMessage): Promise<[number, object]> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const form = new URLSearchParams(Buffer.concat(parts).toString());
    const [id, secret] = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64")
      .toString()
      .split(":")
      .map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    if (id !== CLIENT.id || secret !== CLIENT.secret) return [401, { error: "invalid_client" }];
    const code = form.get("code") ?? "";
    const grant = grants.get(code);
    grants.delete(code); // a code is good once
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (grant === undefined || grant.challenge !== challenge || grant.redirectUri !== form.get("redirect_uri"))
      return [400, { error: "invalid_grant" }];
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: issuer,
      aud: CLIENT.id,
      iat: now,
      exp: now + 300,
      nonce: grant.nonce,
      ...grant.claims,
      ...state.wrong.idToken,
    };
    const key: KeyObject = state.wrong.strangeKey ? strange.privateKey : keys.privateKey;
    const idToken = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(key);
    return [200, { access_token: randomUUID(), token_type: "Bearer", expires_in: 300, id_token: idToken }];
  };

  const answer = async (request: IncomingMessage): Promise<[number, object]> => {
    const { pathname } = new URL(request.url ?? "/", issuer);
    asked.push(pathname);
    if (state.wrong.away) return [503, { error: "temporarily_unavailable" }];
    if (pathname === "/.well-known/openid-configuration")
      return [
        200,
        {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          end_session_endpoint: `${issuer}/logout`,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"],
        },
      ];
    if (pathname === "/keys")
      return [200, { keys: [{ ...(await exportJWK(keys.publicKey)), kid: "one", alg: "RS256", use: "sig" }] }];
    if (pathname === "/token") return token(request);
    return [404, {}];
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return Object.assign(state, {
    issuer,
    asked,
    login(authorizationUrl: string, claims: Readonly<Record<string, unknown>>): string {
      const query = new URL(authorizationUrl).searchParams;
      const code = randomUUID();
      grants.set(code, {
        claims,
        nonce: query.get("nonce") ?? "",
        challenge: query.get("code_challenge") ?? "",
        redirectUri: query.get("redirect_uri") ?? "",
      });
      const back = new URL(query.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({ code, state: query.get("state") ?? "" }).toString();
      return back.href;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  });
}
