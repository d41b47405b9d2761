import type { TransportRequest } from "../registry/transport.ts";
import { decodeOnce } from "./artifact-path.ts";
import type { Endpoint, Mount } from "./endpoint.ts";

/** The prefixes of each mount. MLflow serves everything twice: for clients and for its pages. */
export const MOUNTS: Readonly<Record<Mount, readonly string[]>> = {
  tracking: ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"],
  "tracking-v3": ["/api/3.0/mlflow/", "/ajax-api/3.0/mlflow/"],
  ajax: ["/ajax-api/2.0/mlflow/"],
  "ajax-v2-v3": ["/ajax-api/2.0/mlflow/", "/ajax-api/3.0/mlflow/"],
  artifacts: ["/api/2.0/mlflow-artifacts/", "/ajax-api/2.0/mlflow-artifacts/"],
  root: ["/"],
};

export interface Match {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: an endpoint, another method's endpoint, or nothing. */
export type Found = Match | "method-not-allowed" | undefined;

export interface Router {
  find(method: TransportRequest["method"], path: string): Found;
}

interface Pattern {
  readonly expression: RegExp;
  readonly names: readonly string[];
  readonly endpoint: Endpoint;
}

export function createRouter(endpoints: readonly Endpoint[]): Router {
  const plain = new Map<string, Endpoint[]>();
  const patterns: Pattern[] = [];
  for (const endpoint of endpoints) {
    for (const prefix of MOUNTS[endpoint.mount]) {
      const path = prefix + endpoint.path;
      if (path.includes("{")) patterns.push(compile(path, endpoint));
      else plain.set(path, [...(plain.get(path) ?? []), endpoint]);
    }
  }
  return {
    find: (method, sentPath) => {
      // As MLflow's router does.
      const path = sentPath.replace(/\/{2,}/g, "/");
      const here = plain.get(path);
      const exact = here?.find((endpoint) => endpoint.methods.includes(method));
      if (exact !== undefined) return { endpoint: exact, params: {} };
      let other = here !== undefined;
      for (const { expression, names, endpoint } of patterns) {
        const match = expression.exec(path);
        if (match === null) continue;
        if (endpoint.methods.includes(method)) {
          return { endpoint, params: Object.fromEntries(names.map((name, index) => [name, decodeOnce(match[index + 1] ?? "")])) };
        }
        other = true;
      }
      return other ? "method-not-allowed" : undefined;
    },
  };
}

function compile(path: string, endpoint: Endpoint): Pattern {
  const names: string[] = [];
  const source = path
    .split(/(\{[a-z_]+(?:\.\.\.)?\})/)
    .map((part) => {
      const name = /^\{([a-z_]+)(\.\.\.)?\}$/.exec(part);
      if (name === null) return part.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
      names.push(name[1] ?? "");
      return name[2] === undefined ? "([^/]+)" : "(.+)";
    })
    .join("");
  return { expression: new RegExp(`^${source}$`, "s"), names, endpoint };
}
