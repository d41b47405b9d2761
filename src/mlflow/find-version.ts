import type { Context } from "./context.ts";
import { type ModelVersionRow, VERSION_COLUMNS } from "./model-version-answer.ts";
import { checkModelName, readVersion } from "./names.ts";
import { missing } from "./protocol-error.ts";

/** The stage of a deleted version, whose row stays so that its number is never given again. */
export const DELETED_STAGE = "Deleted_Internal";

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST */
export function findModel(context: Context, name: string): void {
  checkModelName(name);
  if (context.db.get("SELECT 1 AS found FROM registered_models WHERE workspace = 'default' AND name = ?", name) === undefined) {
    throw missing(`Registered Model with name=${name} not found`);
  }
}

/** A version that is not deleted. */
export function findVersion(context: Context, name: string, version: number): ModelVersionRow {
  const row = context.db.get<ModelVersionRow>(
    `SELECT ${VERSION_COLUMNS} FROM model_versions v WHERE workspace = 'default' AND name = ? AND version = ? AND current_stage != '${DELETED_STAGE}'`,
    name,
    version,
  );
  if (row === undefined) throw missing(`Model Version (name=${name}, version=${version}) not found`);
  return row;
}

/** The version that a request names. */
export function askedVersion(context: Context, name: string, version: string): ModelVersionRow {
  checkModelName(name);
  return findVersion(context, name, readVersion(version));
}

/** Where a version's files lie. */
export function downloadUri(context: Context, name: string, version: string): string {
  const row = askedVersion(context, name, version);
  const found = context.db.get<{ storage_location: string | null }>(
    "SELECT storage_location FROM model_versions WHERE workspace = 'default' AND name = ? AND version = ?",
    row.name,
    row.version,
  );
  return found?.storage_location || row.source || "";
}
