import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import { RequeenError } from "../core/errors.ts";

/** The first words of the pages' addresses: each of them answers the same document, which draws the view that the address names. */
export const PAGE_PATHS = ["review", "runs", "verdicts", "models", "evidence", "audit", "settings", "tokens", "sign-in"] as const;

/** Only files of this server, nothing inline, no frame around it, no string that becomes script. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
}

const here = dirname(fileURLToPath(import.meta.url));
/** Where `npm run build` puts the pages: beside the compiled sources, or in dist/ of the clone. */
const BUILT_PAGES = here.endsWith(join("src", "http")) ? join(here, "../../dist/web") : join(here, "../web");

/** The pages at `/`. They hold no data and need no token; all they show comes from the API. @param folder with index.html and assets/. */
export const pageRoutes =
  (folder: string = BUILT_PAGES): FastifyPluginCallback =>
  (app, _options, done) => {
    let read: { readonly builtAtMs: number; readonly files: Promise<Map<string, StaticFile> | null> } | null = null;
    /** Null while the launcher of a clone builds them; read again after they were built again. */
    const built = async (): Promise<Map<string, StaticFile> | null> => {
      const builtAtMs = await stat(folder).then(
        ({ mtimeMs }) => mtimeMs,
        () => null,
      );
      if (builtAtMs === null) return null;
      if (read?.builtAtMs !== builtAtMs) read = { builtAtMs, files: readFolder(folder) };
      return read.files;
    };
    const page = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const wantsPage = request.headers.accept?.includes("text/html") ?? false;
      if (!wantsPage && request.url === "/") return reply.type("text/plain; charset=utf-8").send(FRONT_TEXT);
      secure(reply).header("cache-control", "no-cache");
      const index = (await built())?.get("index.html");
      if (index === undefined) return reply.code(503).header("retry-after", "2").type("text/html; charset=utf-8").send(NOT_BUILT);
      return send(request, reply, index);
    };
    app.get("/", page);
    for (const path of PAGE_PATHS) {
      app.get(`/${path}`, page);
      app.get(`/${path}/*`, page);
    }
    const asset = (name: string, cache: string) => async (request: FastifyRequest, reply: FastifyReply) => {
      const file = (await built())?.get(name.endsWith("/") ? `${name}${(request.params as { "*": string })["*"]}` : name);
      if (file === undefined) throw new RequeenError("not_found", `there is no file ${request.url.slice(0, 200)}`);
      return send(request, secure(reply).header("cache-control", cache), file);
    };
    app.get("/assets/*", asset("assets/", "public, max-age=31536000, immutable"));
    app.get("/favicon.svg", asset("favicon.svg", "public, max-age=86400"));
    done();
  };

const secure = (reply: FastifyReply): FastifyReply =>
  reply
    .header("content-security-policy", CONTENT_SECURITY_POLICY)
    .header("referrer-policy", "no-referrer")
    .header("cross-origin-opener-policy", "same-origin")
    .header("permissions-policy", "camera=(), geolocation=(), microphone=()");

function send(request: FastifyRequest, reply: FastifyReply, { type, plain, gzipped }: StaticFile): FastifyReply {
  reply.header("vary", "accept-encoding").type(type);
  const accepts = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  return accepts ? reply.header("content-encoding", "gzip").send(gzipped) : reply.send(plain);
}

const compress = promisify(gzip);

/** Every file of a folder by its path with `/`; null when there is no such folder. */
async function readFolder(folder: string): Promise<Map<string, StaticFile> | null> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (entries === null) return null;
  const files = entries.filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined);
  const read = files.map(async (entry): Promise<[string, StaticFile]> => {
    const path = join(entry.parentPath, entry.name);
    const plain = await readFile(path);
    const name = path.slice(folder.length + 1).replaceAll("\\", "/");
    return [name, { type: TYPES[extname(name)] ?? "application/octet-stream", plain, gzipped: await compress(plain) }];
  });
  return new Map(await Promise.all(read));
}

const NOT_BUILT = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Requeen</title></head>
<body><h1>The pages are being built</h1><p>This takes some seconds after the first start from the sources; this page loads again by itself.
If it stays, run <code>npm run build</code> and look at its output. The API below /api/v1 works already.</p></body></html>
`;

const FRONT_TEXT = `Requeen turns people's feedback on specialist models into better models.
Open this address in a browser for the pages: review, runs, verdicts, models.

GET  /health, /ready                      is it alive, are store and registry there
GET  /api/v1/status                       the table of \`requeen status\`
GET  /api/v1/opinions/pending             opinions that wait for a person
POST /api/v1/specialists/{name}/judge     judge a plan or a row
POST /api/v1/feedback                     a person's decision on an opinion
GET  /api/v1/feedback/opinion/{id}        what people said of one opinion
GET  /api/v1/runs, /api/v1/verdicts/{id}, /api/v1/models, /api/v1/history

Everything below /api/ needs the header \`Authorization: Bearer <token>\`; \`requeen serve\` prints where the token lies.
MLflow clients use this address as MLFLOW_TRACKING_URI and the same token as MLFLOW_TRACKING_TOKEN.
`;
