/** The server that run.sh started for this run. */
export const server = { name: setting("REQUEEN_INTEROP_MONGO_NAME"), uri: setting("REQUEEN_INTEROP_MONGO_URI") };

/** What a server cannot do; the reason stands in the report. */
export const WEAKNESSES: Readonly<
  Record<string, { readonly atomicUpdates?: string; readonly load?: string; readonly existing?: string }>
> = {
  ferretdb: {
    existing:
      "FerretDB 1.24 reads whole collections for each find: on a busy machine the five commands were not through in 15 minutes; originals.test.ts holds it to the parts",
    atomicUpdates: "FerretDB 1.24 finds and then updates: two findAndModify at once may both match",
    load: "FerretDB 1.24 on SQLite does not come back from cut calls of eight callers within a minute; single callers are in faults.test.ts",
  },
};

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} must be set: these tests are run by test/interop/mongo/run.sh`);
  return value;
}
