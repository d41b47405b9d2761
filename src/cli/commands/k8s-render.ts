import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import type { Manifest } from "../../cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../cluster/manifest-options.ts";
import { manifestYaml } from "../../cluster/manifest-yaml.ts";
import { PARTS, type Part, renderManifests, STANDING_PARTS } from "../../cluster/manifests.ts";
import { packProgram } from "../../cluster/program-archive.ts";
import { RequeenError } from "../../core/errors.ts";
import { packageVersion } from "../backup-place.ts";
import { type CommandContext, defineCommand } from "../command.ts";

interface ManifestList {
  readonly apiVersion: "v1";
  readonly kind: "List";
  readonly items: readonly Manifest[];
}

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export const k8sRender = defineCommand({
  name: "k8s render",
  summary: "Print the Kubernetes manifests: service, CronJobs, jobs, access, network, backup.",
  details: [
    "Nothing is applied: `requeen k8s render | kubectl apply --server-side -f -`. `all` is what stays: namespace, rbac, network, service,",
    "cronjobs, backup; jobs that run once (check-status, job, job-all, configmap, auto-feedback, restore) are named when they are wanted.",
    "Without --mongodb-secret the store is SQLite in the data volume: one replica, no autoscaler, jobs on the same node. With it the service",
    "scales and the volume is shared. Configuration file and specialists come from the configuration in force; secrets are named, never",
    "written. `configmap` needs no image of ours: it holds this program in ConfigMaps, for a plain Node image; apply it with --server-side.",
  ].join("\n"),
  arguments: {},
  options: {
    what: {
      summary: `all, or one of ${PARTS.join(", ")}`,
      value: "<part>",
      many: true,
      type: z.array(z.enum(["all", ...PARTS])).default(["all"]),
    },
    values: {
      summary: "YAML file with any of the manifests' options; flags win over it",
      value: "<file>",
      type: z.string().optional(),
    },
    namespace: { summary: "where everything goes; requeen without it", value: "<name>", type: z.string().optional() },
    image: { summary: "image with its tag; requeen:<this version> without it", value: "<image>", type: z.string().optional() },
    nodePort: { summary: "opens the service on this port of every node", value: "<port>", type: z.int().optional() },
    mongodbSecret: {
      summary: "Secret and key with the connection string, e.g. mongodb-secret/uri",
      value: "<secret/key>",
      type: z.string().optional(),
    },
    mlflowUri: { summary: "the team's MLflow server", value: "<address>", type: z.string().optional() },
    specialist: { summary: "for the parts job and configmap", value: "<name>", type: z.string().optional() },
    executor: {
      summary: "where training runs: in the pod, or in Jobs of its own",
      value: "<local|kubernetes>",
      type: z.enum(["local", "kubernetes"]).optional(),
    },
    rolloutNamespace: {
      summary: "where the pods specialist-{type} run that a promotion restarts",
      value: "<name>",
      type: z.string().optional(),
    },
    restore: {
      summary: "for the part restore: which backup, as `requeen backup list` names it",
      value: "<name>",
      type: z.string().optional(),
    },
    autoFeedback: { summary: "with the Job that lets rules give feedback", type: z.boolean().optional() },
  },
  examples: [
    { line: "requeen k8s render", does: "the whole set with SQLite and the embedded registry" },
    {
      line: "requeen k8s render --mongodb-secret mongodb-secret/uri --mlflow-uri http://mlflow.mlflow.svc:5000 --node-port 30080",
      does: "for a team's MongoDB and MLflow, on the original node port",
    },
    { line: "requeen k8s render --what job --specialist business", does: "one retraining of one specialist" },
  ],
  changes: false,
  async run(values, context): Promise<ManifestList> {
    const options = await optionsOf(await fileOptions(values.values), values, context);
    const parts: readonly Part[] = values.what.flatMap((part) => (part === "all" ? STANDING_PARTS : [part]));
    const code = parts.includes("configmap") ? packProgram(ROOT) : undefined;
    return { apiVersion: "v1", kind: "List", items: renderManifests(options, parts, code) };
  },
  render: ({ items }) => manifestYaml(items).trimEnd(),
});

type Flags = Readonly<{
  namespace?: string | undefined;
  image?: string | undefined;
  nodePort?: number | undefined;
  mongodbSecret?: string | undefined;
  mlflowUri?: string | undefined;
  specialist?: string | undefined;
  executor?: "local" | "kubernetes" | undefined;
  rolloutNamespace?: string | undefined;
  restore?: string | undefined;
  autoFeedback?: boolean | undefined;
}>;

const present = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

async function optionsOf(file: Readonly<Record<string, unknown>>, flags: Flags, { config, loaded }: CommandContext) {
  const names = config.specialists.map(({ name }) => name);
  const { mongodbSecret, mlflowUri, namespace, image, nodePort, specialist, executor, rolloutNamespace, restore, autoFeedback } =
    flags;
  const [secret, key = "uri"] = mongodbSecret?.split("/") ?? [];
  const input = {
    image: `requeen:${packageVersion()}`,
    specialists: names,
    specialist: names.includes("technical") ? "technical" : names[0],
    ...(loaded.file === null ? {} : { config: await readFile(loaded.file, "utf8") }),
    ...file,
    ...present({ namespace, image, nodePort, specialist, executor, rolloutNamespace, restore, autoFeedback }),
    ...(secret === undefined ? {} : { mongodb: { ...(file.mongodb as object | undefined), secret, key } }),
    ...(mlflowUri === undefined ? {} : { mlflow: { ...(file.mlflow as object | undefined), uri: mlflowUri } }),
  };
  const read = manifestOptionsSchema.safeParse(input as ManifestInput);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new RequeenError("bad_parameter", `the manifests' options do not fit: ${problems.join("; ")}`, { problems });
}

async function fileOptions(path: string | undefined): Promise<Readonly<Record<string, unknown>>> {
  if (path === undefined) return {};
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new RequeenError("bad_parameter", `--values names a file that cannot be read: ${cause.message}`, { path }, { cause });
  });
  const content: unknown = parse(text) ?? {};
  if (typeof content !== "object" || Array.isArray(content))
    throw new RequeenError("bad_parameter", `the file ${path} of --values must be a YAML mapping`, { path });
  return content as Readonly<Record<string, unknown>>;
}
