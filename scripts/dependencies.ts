/** Why each package is here. package.json must name exactly these, each with an exact version; a test and `npm run check` compare. */
export const DEPENDENCIES: Readonly<Record<string, string>> = {
  "@fastify/swagger": "gathers the routes and their schemas into the OpenAPI document",
  "@kubernetes/client-node": "kubeconfig, in-cluster credentials and their refresh; loaded only where a cluster is used",
  commander: "reads command lines; version 14, since 15 needs Node 22",
  "csv-parse": "reads CSV: imports of feedback and the example data",
  fastify: "the HTTP server",
  "fastify-type-provider-zod": "one zod schema checks a request, types its handler and stands in the OpenAPI document",
  "get-east-asian-width": "which characters take two cells of a terminal",
  graphql:
    "the reference implementation of GraphQL: the embedded MLflow server answers MLflow's pages; loaded with the first query",
  hyparquet: "reads Parquet datasets",
  "hyparquet-writer": "writes Parquet datasets",
  jose: "signs and checks JSON Web Tokens; no dependencies of its own; loaded only when tokens are configured",
  mongodb: "the official driver; loaded only when a MongoDB is configured",
  node: "the Node 24 binary that everything runs under, whatever Node the machine has",
  "openid-client":
    "sign-in by OpenID Connect: code flow with PKCE, state and nonce checked; certified; loaded only when it is configured",
  "prom-client": "writes /metrics in the form that Prometheus reads",
  yaml: "reads requeen.config.yaml, with the line of each value",
  zod: "one schema gives parser, type, defaults and documentation",
};

export const DEVELOPMENT_DEPENDENCIES: Readonly<Record<string, string>> = {
  "@aws-sdk/client-s3":
    "tests of models on s3://; users install it themselves where their MLflow stores there (optional peer, 22 MB)",
  "@biomejs/biome": "formats and lints",
  "@types/node": "types of the Node API",
  ajv: "tests: the manifests against the schemas that Kubernetes publishes",
  "apache-arrow": "tests: an independent writer of Arrow files, and the tables that arrowColumns takes",
  assemblyscript: "compiles the hot kernels of the engine to WebAssembly; the output is checked in",
  "fast-check": "property tests",
  "onnxruntime-node": "tests: an independent runtime for the ONNX files that we write",
  typescript: "type check, and the build of dist/",
  vitest: "runs the tests",
  "@dagrejs/dagre": "web/: lays out the task graph of a plan",
  "@tanstack/react-query": "web/: fetches, caches and refreshes what the API says",
  "@tanstack/react-virtual": "web/: long tables draw only the rows in sight",
  "@types/d3-scale": "types of d3-scale",
  "@types/d3-shape": "types of d3-shape",
  "@types/react": "types of React",
  "@types/react-dom": "types of React",
  "@vitejs/plugin-react": "web/: JSX in the build",
  "axe-core": "tests of the pages: accessibility rules in the real browser",
  "d3-scale":
    "web/: scales and ticks of the charts, which React draws (Observable Plot writes a style element, which our CSP refuses)",
  "d3-shape": "web/: lines and areas of the charts",
  "playwright-core": "tests of the pages: drives Debian's Chromium",
  react: "web/: the pages; bundled, so that users install none of it",
  "react-dom": "web/: the pages",
  vite: "builds the pages into dist/web",
  wouter: "web/: a URL for each view, in 2 KB",
};

/** Installed by the users who need them; nothing works less without them. */
export const OPTIONAL_PEERS: Readonly<Record<string, string>> = {
  "@aws-sdk/client-s3": "model files on s3://, where the team's MLflow server stores there and hands out no proxy",
};

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What differs between package.json and the tables; an empty list = nothing. */
export function findUnstatedDependencies(file: PackageFile): string[] {
  return [
    ...compare("dependencies", file.dependencies ?? {}, DEPENDENCIES),
    ...compare("devDependencies", file.devDependencies ?? {}, DEVELOPMENT_DEPENDENCIES),
    ...compare("peerDependencies", file.peerDependencies ?? {}, OPTIONAL_PEERS),
  ];
}

const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

function compare(field: string, found: Readonly<Record<string, string>>, stated: Readonly<Record<string, string>>): string[] {
  const names = [...new Set([...Object.keys(found), ...Object.keys(stated)])].sort();
  return names.flatMap((name) => {
    const version = found[name];
    if (version === undefined) return [`${name} is stated in scripts/dependencies.ts and missing in package.json's ${field}`];
    if (stated[name] === undefined)
      return [`${name} of package.json's ${field} is not stated in scripts/dependencies.ts: say why it is here`];
    // a peer is the user's own installation: a range
    if (field === "peerDependencies" || EXACT_VERSION.test(version)) return [];
    return [`${name} of package.json's ${field} must have an exact version; got ${version}`];
  });
}
