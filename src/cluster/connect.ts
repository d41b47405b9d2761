import { type IncomingMessage, request as requestHttp } from "node:http";
import { type RequestOptions, request as requestHttps } from "node:https";
import { RequeenError } from "../core/errors.ts";
import { type ClusterApi, type ClusterApiOptions, type ClusterTransport, createClusterApi } from "./api.ts";

export interface ConnectOptions extends Pick<ClusterApiOptions, "attempts" | "pauseMs"> {
  /** Path of a kubeconfig; without it the pod's own credentials, KUBECONFIG or ~/.kube/config, in this order. */
  readonly kubeconfig?: string | undefined;
  /** A context of it; without it the current one. */
  readonly context?: string | undefined;
}

export interface ConnectedCluster {
  readonly api: ClusterApi;
  /** The namespace of the credentials: the pod's own, or the context's. */
  readonly namespace: string;
}

/**
 * The API server that the credentials at hand name. Tokens of service accounts and of credential plugins are read anew when they expire.
 * @throws RequeenError bad_config when there are no usable credentials; nothing is sent yet.
 */
export async function connectCluster({ kubeconfig, context, ...options }: ConnectOptions = {}): Promise<ConnectedCluster> {
  // the package's index would load a class for every object of Kubernetes; credentials are all that is wanted of it
  const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
  const config = new KubeConfig();
  try {
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
    else if (process.env.KUBERNETES_SERVICE_HOST !== undefined && process.env.KUBECONFIG === undefined) config.loadFromCluster();
    else config.loadFromDefault();
    if (context !== undefined) config.setCurrentContext(context);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError(
      "bad_config",
      `the credentials for Kubernetes cannot be read: ${reason}`,
      { kubeconfig: kubeconfig ?? null },
      { cause },
    );
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new RequeenError(
      "bad_config",
      "no cluster is configured: set cluster.kubeconfig or KUBECONFIG, or run in a pod with a service account",
    );
  const server = cluster.server.replace(/\/+$/, "");
  const transport = createTransport(server, async (request) => {
    await config.applyToHTTPSOptions(request);
  });
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? "default";
  return { api: createClusterApi({ address: server, transport, ...options }), namespace };
}

/**
 * @param server "https://host:port" with or without a path.
 * @param authorize puts credentials and TLS settings into the options of one request.
 */
export function createTransport(server: string, authorize: (options: RequestOptions) => Promise<void>): ClusterTransport {
  const send = server.startsWith("http:") ? requestHttp : requestHttps;
  return async ({ method, path, body, contentType = "application/json", signal, silenceMs }) => {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const options: RequestOptions = { method };
    await authorize(options);
    options.headers = {
      ...(options.headers as Record<string, string> | undefined),
      accept: "application/json",
      "user-agent": "requeen",
      ...(payload === undefined ? {} : { "content-type": contentType, "content-length": String(payload.byteLength) }),
    };
    if (signal !== undefined) options.signal = signal;
    return new Promise((resolve, reject) => {
      const request = send(server + path, options, (response: IncomingMessage) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
      });
      if (silenceMs > 0) request.setTimeout(silenceMs, () => request.destroy(new Error(`silent for ${silenceMs / 1_000} s`)));
      request.on("error", reject);
      request.end(payload);
    });
  };
}
