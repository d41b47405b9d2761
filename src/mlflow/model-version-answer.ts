import type { Context, KeyValue } from "./context.ts";
import { allIn } from "./database.ts";

export interface ModelVersionRow {
  readonly name: string;
  readonly version: number;
  readonly creation_time: number | null;
  readonly last_updated_time: number | null;
  readonly description: string | null;
  readonly user_id: string | null;
  readonly current_stage: string | null;
  readonly source: string | null;
  readonly run_id: string | null;
  readonly status: string | null;
  readonly status_message: string | null;
  readonly run_link: string | null;
}
export const VERSION_COLUMNS =
  "v.name, v.version, v.creation_time, v.last_updated_time, v.description, v.user_id, v.current_stage, v.source, v.run_id, v.status, v.status_message, v.run_link";

/** Versions with their tags and aliases, in the order of `rows`. MLflow leaves aliases out of searches; here they are always there. */
export function versionAnswers(context: Context, rows: readonly ModelVersionRow[]): object[] {
  const names = [...new Set(rows.map((row) => row.name))];
  const versions = new Set(rows.map(keyOf));
  const tags = new Map<string, KeyValue[]>();
  // One version's tags by key; many versions' tags by model, because SQLite reads each model's in one walk.
  const tagRows = allIn<KeyValue & { name: string; version: number }>(
    context.db,
    names,
    (list) =>
      `SELECT name, version, "key", value FROM model_version_tags WHERE workspace = 'default' AND name IN (${list}) ORDER BY name, version, rowid`,
  );
  for (const row of tagRows) if (versions.has(keyOf(row))) append(tags, keyOf(row), { key: row.key, value: row.value ?? "" });
  const aliases = new Map<string, string[]>();
  const aliasRows = allIn<{ name: string; version: number; alias: string }>(
    context.db,
    names,
    (list) =>
      `SELECT name, version, alias FROM registered_model_aliases WHERE workspace = 'default' AND name IN (${list}) ORDER BY alias`,
  );
  for (const row of aliasRows) append(aliases, keyOf(row), row.alias);
  return rows.map((row) => ({
    name: row.name,
    version: String(row.version),
    creation_timestamp: row.creation_time ?? undefined,
    last_updated_timestamp: row.last_updated_time ?? undefined,
    user_id: row.user_id ?? undefined,
    current_stage: row.current_stage ?? undefined,
    description: row.description ?? undefined,
    source: row.source ?? undefined,
    run_id: row.run_id ?? undefined,
    status: row.status ?? undefined,
    status_message: row.status_message || undefined,
    tags: tags.get(keyOf(row)),
    run_link: row.run_link ?? undefined,
    aliases: aliases.get(keyOf(row)),
  }));
}

const keyOf = (row: { name: string; version: number }): string => `${row.version}/${row.name}`;

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
