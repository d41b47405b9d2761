import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ClusterTransport } from "../../../src/cluster/api.ts";
import { createTransport } from "../../../src/cluster/connect.ts";

/** A control plane of its own: etcd, kube-apiserver and kube-controller-manager, as the module proxy has them. */
export interface RealCluster {
  readonly address: string;
  readonly kubeconfig: string;
  readonly folder: string;
  /** Speaks as an administrator. */
  readonly transport: ClusterTransport;
  call(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, contentType?: string): Promise<Called>;
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  startApiServer(): Promise<void>;
  close(): Promise<void>;
}

export interface Called {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: objects of the API, which each test knows
  readonly body: any;
}

const START_MS = 120_000;

/** @param programs the folder that build.sh prints. */
export async function startCluster(programs: string): Promise<RealCluster> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-kubernetes-"));
  const [etcdPort, peerPort, port, managerPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const token = randomBytes(16).toString("hex");
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  writeFileSync(join(folder, "sa.key"), privateKey);
  writeFileSync(join(folder, "sa.pub"), publicKey);
  writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,system:masters\n`);
  const address = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, "kubeconfig");
  const certificate = join(folder, "certificates", "apiserver.crt");

  const run = (name: string, words: string[]): ChildProcess => {
    const log = openSync(join(folder, `${name}.log`), "a");
    // a control plane does not outlive its test, however that ends
    const guarded = ["--pdeathsig", "KILL", "--", join(programs, name), ...words];
    return spawn("setpriv", guarded, { stdio: ["ignore", log, log] });
  };
  const etcd = run("etcd", [
    ...["--data-dir", join(folder, "etcd"), "--listen-client-urls", `http://127.0.0.1:${etcdPort}`],
    ...["--advertise-client-urls", `http://127.0.0.1:${etcdPort}`, "--listen-peer-urls", `http://127.0.0.1:${peerPort}`],
    ...[
      "--initial-advertise-peer-urls",
      `http://127.0.0.1:${peerPort}`,
      "--initial-cluster",
      `default=http://127.0.0.1:${peerPort}`,
    ],
    // the tests' data may be lost with the machine
    "--unsafe-no-fsync",
  ]);
  const serve = (): ChildProcess =>
    run("kube-apiserver", [
      ...["--etcd-servers", `http://127.0.0.1:${etcdPort}`, "--secure-port", String(port), "--bind-address", "127.0.0.1"],
      ...[
        "--cert-dir",
        join(folder, "certificates"),
        "--token-auth-file",
        join(folder, "tokens.csv"),
        "--authorization-mode",
        "RBAC",
      ],
      ...["--service-account-key-file", join(folder, "sa.pub"), "--service-account-signing-key-file", join(folder, "sa.key")],
      ...["--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", "10.96.0.0/16"],
      // the machine has one address and no aggregated APIs
      ...["--endpoint-reconciler-type", "none", "--shutdown-delay-duration", "0s"],
    ]);
  let server = serve();
  let ended = false;

  const authorize = async (options: { headers?: unknown; ca?: unknown }): Promise<void> => {
    options.headers = { authorization: `Bearer ${token}` };
    options.ca = readFileSync(certificate);
  };
  const transport: ClusterTransport = (request) => createTransport(address, authorize as never)(request);
  const call: RealCluster["call"] = async (method, path, body, contentType) => {
    const response = await transport({ method, path, body, contentType, silenceMs: 30_000 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  };
  const untilReady = async (): Promise<void> => {
    const before = Date.now() + START_MS;
    for (let last = ""; ; await pause(200)) {
      const [asked] = await Promise.allSettled([call("GET", "/readyz")]);
      if (asked.status === "fulfilled" && asked.value.status === 200) return;
      last = asked.status === "fulfilled" ? JSON.stringify(asked.value.body).slice(0, 300) : String(asked.reason);
      if (Date.now() > before || server.exitCode !== null)
        throw new Error(
          `kube-apiserver is not ready: ${last}; ${readFileSync(join(folder, "kube-apiserver.log"), "utf8").slice(-2_000)}`,
        );
    }
  };

  await untilReady();
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server: address, "certificate-authority": certificate } }],
      users: [{ name: "admin", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "admin", namespace: "default" } }],
    }),
  );
  const manager = run("kube-controller-manager", [
    ...["--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port", String(managerPort), "--bind-address", "127.0.0.1"],
    ...["--cert-dir", join(folder, "manager"), "--service-account-private-key-file", join(folder, "sa.key")],
    ...["--use-service-account-credentials=false", "--root-ca-file", certificate],
    // nodes of the tests send no heartbeats
    "--controllers=*,-node-lifecycle-controller,-node-ipam-controller,-certificatesigningrequest-signing-controller",
  ]);

  return {
    address,
    kubeconfig,
    folder,
    transport,
    call,
    async stopApiServer(signal = "SIGKILL") {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill(signal);
      await gone;
    },
    async startApiServer() {
      server = serve();
      await untilReady();
    },
    async close() {
      if (ended) return;
      ended = true;
      for (const child of [manager, server, etcd]) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const found = server.address();
      server.close(() => resolve(typeof found === "object" && found !== null ? found.port : 0));
    });
  });
