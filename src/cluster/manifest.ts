import type { ManifestOptions } from "./manifest-options.ts";

/** One object of Kubernetes, as plain data. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    /** Absent for what stands in no namespace. */
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What every object of the set is found by. */
export const APP_LABELS = { "app.kubernetes.io/name": "requeen", "app.kubernetes.io/part-of": "requeen" } as const;

export const labelsOf = (component: string): Record<string, string> => ({
  ...APP_LABELS,
  "app.kubernetes.io/component": component,
});

/** The pods of one component. */
export const selectorOf = (component: string): Record<string, string> => ({
  "app.kubernetes.io/name": "requeen",
  "app.kubernetes.io/component": component,
});

/** An object in the namespace of the set. */
export const object = (
  { namespace }: Pick<ManifestOptions, "namespace">,
  [apiVersion, kind]: readonly [apiVersion: string, kind: string],
  name: string,
  component: string,
  fields: Readonly<Record<string, unknown>>,
): Manifest => ({ apiVersion, kind, metadata: { name, namespace, labels: labelsOf(component) }, ...fields });
