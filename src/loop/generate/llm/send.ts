import { RequeenError } from "../../../core/errors.ts";
import type { Provider } from "./providers.ts";

const MOST_BYTES = 1024 * 1024;
/** Longer waits than this are not sat out: the run ends and can be resumed. */
const LONGEST_WAIT_MS = 120_000;

/** What one call came to. `lost`: it may have been paid. `retry`: it was not; try again, after `waitMs` if the provider said so. */
export type Sent =
  | { readonly kind: "answered"; readonly body: string }
  | { readonly kind: "lost"; readonly why: string }
  | { readonly kind: "retry"; readonly why: string; readonly waitMs: number | null };

/**
 * One call of a provider. Redirects are not followed: the key goes nowhere else.
 * @param timeoutMs of the whole call, headers and body.
 * @throws RequeenError provider_refused (3xx, 4xx), provider_unavailable (it asks to wait too long)
 */
export async function sendOnce(provider: Provider, body: string, timeoutMs: number): Promise<Sent> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let began = false;
  try {
    const response = await fetch(`${provider.baseUrl}${provider.api.path}`, {
      method: "POST",
      headers: provider.headers(),
      body,
      redirect: "manual",
      signal: timeout,
    });
    began = true;
    const text = await readText(response, response.ok ? MOST_BYTES : 4_096);
    if (response.ok)
      return text === null
        ? { kind: "lost", why: `the reply is longer than ${MOST_BYTES} bytes` }
        : { kind: "answered", body: text };
    return judgeRefusal(provider, response, text ?? "");
  } catch (error) {
    if (error instanceof RequeenError) throw error;
    if (timeout.aborted) return { kind: "lost", why: `no whole reply within ${timeoutMs} ms` };
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
    // a connection that never came to be cannot have been paid
    if (!began && /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code))
      return { kind: "retry", why: `no connection to ${provider.baseUrl} (${code})`, waitMs: null };
    return { kind: "lost", why: `the connection broke${code === "" ? "" : ` (${code})`}` };
  }
}

function judgeRefusal(provider: Provider, response: Response, text: string): Sent {
  const { status } = response;
  const said = text
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .slice(0, 300);
  const why = `${provider.name} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status !== 408 && status !== 409 && status !== 429 && status < 500)
    throw new RequeenError("provider_refused", why, { provider: provider.name, status });
  const waitMs = readRetryAfter(response.headers.get("retry-after"));
  if (waitMs !== null && waitMs > LONGEST_WAIT_MS)
    throw new RequeenError("provider_unavailable", `${why}; it asks to wait ${Math.ceil(waitMs / 1000)} s`, {
      provider: provider.name,
      status,
      wait_ms: waitMs,
    });
  return { kind: "retry", why, waitMs };
}

/** Seconds, or a date; null where the header says neither. */
function readRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - Date.now());
}

/** The body as text; null when it is longer than `most` bytes. A refusal is cut there instead. */
async function readText(response: Response, most: number): Promise<string | null> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > most) return response.ok ? null : Buffer.concat(chunks).toString("utf8");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
