import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../../../src/cluster/api.ts";

/**
 * An API server in memory, for tests that must be fast: collections, resource versions, conflicts, label and field selectors, watches.
 * It believes every object; the suite of test/interop/kubernetes asks the real server the same questions.
 */
export interface ClusterDouble {
  readonly transport: ClusterTransport;
  /** Objects of one kind, as stored. */
  objects(kind: string): StoredObject[];
  /** Changes an object as a controller of the cluster would. */
  change(kind: string, name: string, change: (object: StoredObject) => void): void;
  add(kind: string, object: object): void;
  /** Every call, as "METHOD kind". */
  readonly calls: string[];
}

export interface StoredObject {
  metadata: {
    name: string;
    namespace?: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    creationTimestamp: string;
    generation: number;
  };
  // biome-ignore lint/suspicious/noExplicitAny: objects of every kind
  [field: string]: any;
}

export function openClusterDouble(now: () => number = Date.now): ClusterDouble {
  const kinds = new Map<string, Map<string, StoredObject>>();
  const changes = new EventEmitter().setMaxListeners(0);
  const calls: string[] = [];
  let version = 100;

  const of = (kind: string): Map<string, StoredObject> => {
    const found = kinds.get(kind) ?? new Map<string, StoredObject>();
    kinds.set(kind, found);
    return found;
  };
  function put(kind: string, object: StoredObject): StoredObject {
    version += 1;
    object.metadata.resourceVersion = String(version);
    of(kind).set(object.metadata.name, object);
    changes.emit("change", kind, object);
    return structuredClone(object);
  }
  function add(kind: string, object: object): StoredObject {
    const { metadata, ...rest } = structuredClone(object) as StoredObject;
    const born = { creationTimestamp: new Date(now()).toISOString(), generation: 1 };
    return put(kind, { ...rest, metadata: { ...born, ...metadata } });
  }

  function answer({ method, path, body }: ClusterRequest): { status: number; body: object } {
    const { kind, name, query } = partsOf(path);
    const found = name === null ? undefined : of(kind).get(name);
    const sent = structuredClone(body) as StoredObject;
    if (method === "POST")
      return of(kind).has(sent.metadata.name) ? failure(409, "AlreadyExists") : { status: 201, body: add(kind, sent) };
    if (name === null) {
      const items = [...of(kind).values()].filter((object) => isSelected(object, query));
      return { status: 200, body: { items: structuredClone(items), metadata: { resourceVersion: String(version) } } };
    }
    if (found === undefined) return failure(404, "NotFound");
    if (method === "GET") return { status: 200, body: structuredClone(found) };
    if (method === "DELETE") {
      of(kind).delete(name);
      version += 1;
      changes.emit("change", kind, found);
      return { status: 200, body: {} };
    }
    const given = sent.metadata?.resourceVersion;
    if (given !== undefined && given !== found.metadata.resourceVersion) return failure(409, "Conflict");
    const next = method === "PUT" ? sent : (merge(found, sent) as StoredObject);
    const changed = JSON.stringify(next.spec) !== JSON.stringify(found.spec);
    const generation = found.metadata.generation + Number(changed);
    return { status: 200, body: put(kind, { ...next, metadata: { ...found.metadata, ...next.metadata, generation } }) };
  }

  async function* watch(request: ClusterRequest): AsyncGenerator<Uint8Array> {
    const { kind, query } = partsOf(request.path);
    const since = Number(query.get("resourceVersion"));
    const missed = [...of(kind).values()].filter((object) => Number(object.metadata.resourceVersion) > since);
    if (missed.some((object) => isSelected(object, query))) yield Buffer.from('{"type":"MODIFIED"}\n');
    for (;;) {
      const [changedKind, object] = await once(changes, "change", { signal: request.signal });
      if (changedKind === kind && isSelected(object, query))
        yield Buffer.from(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
    }
  }

  return {
    calls,
    async transport(request): Promise<ClusterResponse> {
      request.signal?.throwIfAborted();
      const { kind, query } = partsOf(request.path);
      calls.push(`${request.method} ${kind}`);
      if (query.has("watch")) return { status: 200, headers: {}, body: Readable.from(watch(request)) };
      const { status, body } = answer(request);
      return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(body))]) };
    },
    objects: (kind) => structuredClone([...of(kind).values()]),
    change(kind, name, change) {
      const found = of(kind).get(name);
      if (found === undefined) throw new Error(`no ${kind}/${name}`);
      change(found);
      put(kind, found);
    },
    add: (kind, object) => void add(kind, object),
  };
}

function partsOf(path: string): { kind: string; name: string | null; query: URLSearchParams } {
  const url = new URL(path, "http://double");
  const [kind = "", name = null] = url.pathname.split("/namespaces/")[1]?.split("/").slice(1) ?? [];
  return { kind, name, query: url.searchParams };
}

const failure = (code: number, reason: string) => ({ status: code, body: { kind: "Status", reason, message: reason, code } });

function isSelected({ metadata }: StoredObject, query: URLSearchParams): boolean {
  const pairs = (text: string | null): string[][] => (text === null ? [] : text.split(",").map((pair) => pair.split("=")));
  const labels = pairs(query.get("labelSelector")).every(([key = "", value]) => metadata.labels?.[key] === value);
  const fields = pairs(query.get("fieldSelector")).every(([key, value]) => key !== "metadata.name" || metadata.name === value);
  return labels && fields;
}

/** RFC 7396. */
function merge(into: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base: Record<string, unknown> = typeof into === "object" && into !== null ? { ...into } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete base[key];
    else base[key] = merge(base[key], value);
  }
  return base;
}
