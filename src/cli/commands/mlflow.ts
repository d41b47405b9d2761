import { join } from "node:path";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import type { DoorOptions } from "../../mlflow/front-door.ts";
import type { Store } from "../../store/store.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { LOOPBACK } from "../loopback.ts";

export const mlflow = defineCommand({
  name: "mlflow",
  summary: "Serve the embedded MLflow-compatible server alone: tracking, model registry and artifacts.",
  details:
    "MLflow's own clients use it as MLFLOW_TRACKING_URI, with the token of the data folder, an API key (`requeen token create --role registry_writer`) or a JSON Web Token as MLFLOW_TRACKING_TOKEN (or as password). The file " +
    "registry.db has MLflow's own tables: `mlflow server --backend-store-uri sqlite:///<data folder>/registry.db` serves it as well.",
  arguments: {},
  options: {
    host: { summary: "address to listen on", value: "<address>", type: z.string().default("127.0.0.1") },
    port: {
      summary: "port; 0 takes a free one",
      value: "<port>",
      type: z.coerce.number().int().min(0).max(65_535).default(5000),
    },
    defaultArtifactRoot: {
      summary: "where new experiments keep artifacts: mlflow-artifacts:/, file://... or an artifact address over HTTP",
      value: "<uri>",
      type: z.string().optional(),
    },
    artifactsDestination: {
      summary: "folder behind mlflow-artifacts:/; by default artifacts/ in the data folder",
      value: "<folder>",
      type: z.string().optional(),
    },
    allowLocalArtifactRoots: {
      summary: "let clients name folders of this machine as artifact locations",
      type: z.boolean().default(false),
    },
    noAuth: { summary: "ask for no token; on the loopback address only", type: z.boolean().default(false) },
  },
  examples: [
    { line: "requeen mlflow --port 5000", does: "serves the data folder's registry; prints where the token lies" },
    { line: "requeen mlflow --no-auth --port 0 --data-dir /tmp/registry", does: "an open server on this machine only" },
  ],
  changes: false,
  async run(values, context): Promise<undefined> {
    const { config, signal, terminal, json, now } = context;
    if (values.noAuth && !LOOPBACK.test(values.host))
      throw new RequeenError("bad_parameter", `--no-auth is for the loopback address only; got --host ${values.host}`, {
        host: values.host,
      });
    const { serveMlflow } = await import("../../mlflow/serve.ts");
    const doors = values.noAuth ? null : await openRegistryDoors(context, values.host);
    const pattern = readPattern(process.env.MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX);
    const server = await serveMlflow({
      dataDir: config.dataDir,
      host: values.host,
      port: values.port,
      now,
      ...(values.defaultArtifactRoot === undefined ? {} : { defaultArtifactRoot: values.defaultArtifactRoot }),
      ...(values.artifactsDestination === undefined ? {} : { artifactsDestination: values.artifactsDestination }),
      allowLocalArtifactRoots: values.allowLocalArtifactRoots,
      ...(pattern === undefined ? {} : { modelSourcePattern: pattern }),
      ...(doors === null ? {} : { authorize: doors.authorize }),
      report: (error) =>
        terminal.note(
          JSON.stringify({
            at: new Date(now()).toISOString(),
            event: "mlflow.failed",
            error: String(error instanceof Error ? error.stack : error),
          }),
        ),
    });
    if (server.upgrade !== undefined)
      terminal.note(`The tables of an older MLflow were brought up to date; the file as it was: ${server.upgrade.backupPath}`);
    const said = { url: server.url, token_file: doors?.admin?.file ?? null, database: join(config.dataDir, "registry.db") };
    terminal.write(json ? JSON.stringify(said) : `MLflow-compatible server on ${server.url}\n${tokenLine(doors)}`);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await server.close();
    await doors?.close();
    return undefined;
  },
  render: () => "",
});

interface RegistryDoors {
  readonly authorize: NonNullable<DoorOptions["authorize"]>;
  readonly admin: { readonly token: string; readonly file: string } | null;
  close(): Promise<void>;
}

/** The same tokens as `requeen serve` takes. The store is opened by the first API key or refusal, so that the start does not wait for it. */
async function openRegistryDoors({ config, now }: CommandContext, host: string): Promise<RegistryDoors> {
  const [{ openDoors }, { recordDenials }, { registryGuard }, { openStore }] = await Promise.all([
    import("../auth.ts"),
    import("../../http/auth/denials.ts"),
    import("../../http/registry-guard.ts"),
    import("../house.ts"),
  ]);
  let opened: Promise<Store> | null = null;
  const store = (): Promise<Store> => (opened ??= openStore(config, now));
  const log = (event: string, details: Readonly<Record<string, unknown>>): void =>
    void process.stderr.write(`${JSON.stringify({ at: new Date(now()).toISOString(), event, ...details })}\n`);
  const { authenticate, admin } = await openDoors({
    config,
    host,
    subject: "admin",
    store: {
      getToken: async (tokenId) => (await store()).getToken(tokenId),
      touchToken: async (tokenId, at) => (await store()).touchToken(tokenId, at),
    },
    now,
    log,
  });
  const denials = recordDenials({ store: { appendAudit: async (entries) => (await store()).appendAudit(entries) }, now, log });
  return {
    authorize: registryGuard(authenticate, denials),
    admin,
    async close() {
      await denials.close();
      await (await opened)?.close();
    },
  };
}

const tokenLine = (doors: RegistryDoors | null): string => {
  if (doors === null) return "No token is asked.";
  if (doors.admin === null)
    return "API keys and JSON Web Tokens are asked; the admin token does not open this server (auth.adminToken).";
  return `Token: ${doors.admin.token} (from ${doors.admin.file})`;
};

/** MLflow's own setting: what every model version's source must match. */
function readPattern(text: string | undefined): RegExp | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new RequeenError(
      "bad_config",
      `MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX is no regular expression: ${text}`,
      {},
      { cause },
    );
  }
}
