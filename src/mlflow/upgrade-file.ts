import type { DatabaseSync } from "node:sqlite";
import { RequeenError } from "../core/errors.ts";
import { MAIN_TABLES, SCHEMA_REVISION } from "./schema.ts";

/** What became of a file that an older MLflow wrote. */
export interface Upgrade {
  readonly fromRevision: string;
  /** The whole file as it was. */
  readonly backupPath: string;
}

/**
 * Brings a file of MLflow 1.x to 3.9 to this schema: every table whose definition differs is made anew and its rows are copied, in one
 * transaction, after the whole file was copied aside. Older MLflow cannot open the result (it never opens newer files); the copy it can.
 * @throws RequeenError store_corrupt when rows do not fit; the file is then unchanged.
 */
export async function upgradeOlderFile(connection: DatabaseSync, path: string, revision: string): Promise<Upgrade> {
  const { REST_OF_TABLES } = await import("./schema-rest.ts");
  const backupPath = `${path}.${revision}.bak`;
  const statements = splitStatements(MAIN_TABLES + REST_OF_TABLES);
  connection.exec("PRAGMA foreign_keys = OFF");
  try {
    const { existsSync } = await import("node:fs");
    if (!existsSync(backupPath)) connection.prepare("VACUUM INTO ?").run(backupPath);
    connection.exec("BEGIN IMMEDIATE");
    // Another process may have done it while this one waited for the lock.
    if (!isCurrent(connection)) rebuild(connection, statements);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw new RequeenError(
      "store_corrupt",
      `${path} was written by an older MLflow (schema ${revision}) and cannot be converted; run \`mlflow db upgrade sqlite:///${path}\` of MLflow 3.11 or newer first`,
      { revision },
      { cause: error },
    );
  } finally {
    connection.exec("PRAGMA foreign_keys = ON");
  }
  return { fromRevision: revision, backupPath };
}

/** Whether the file has the columns that came last to the tables in use. */
export const isCurrent = (connection: DatabaseSync): boolean =>
  connection.prepare("SELECT 1 AS found FROM pragma_table_info('experiments') WHERE name = 'workspace'").get() !== undefined;

/** The schema's statements, one by one; a trigger's body holds semicolons of its own. */
const splitStatements = (sql: string): string[] =>
  sql
    .split(/;\n\s*(?=CREATE|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");

interface TableStatement {
  readonly table: string;
  readonly sql: string;
}

function rebuild(connection: DatabaseSync, statements: readonly string[]): void {
  const tables: TableStatement[] = [];
  const others: string[] = [];
  for (const sql of statements) {
    const table = /^CREATE TABLE "?(\w+)"?/.exec(sql)?.[1];
    if (table === undefined) others.push(sql);
    else tables.push({ table, sql });
  }
  for (const { name, type } of connection
    .prepare("SELECT name, type FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL")
    .all()) {
    connection.exec(`DROP ${String(type)} "${String(name)}"`);
  }
  for (const { table, sql } of tables) {
    const old = connection.prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?").get(table)?.sql;
    if (old === undefined) connection.exec(sql);
    else if (plain(String(old)) !== plain(sql)) replaceTable(connection, table, sql);
  }
  for (const sql of others) connection.exec(sql);
  connection.prepare("UPDATE alembic_version SET version_num = ?").run(SCHEMA_REVISION);
  const broken = connection.prepare("PRAGMA foreign_key_check").get();
  if (broken !== undefined)
    throw new Error(`rows of ${String(broken.table)} refer to rows of ${String(broken.parent)} that do not exist`);
}

/** A definition without its spacing and quoting. */
const plain = (sql: string): string => sql.replace(/IF NOT EXISTS/g, "").replace(/["\s]/g, "");

function replaceTable(connection: DatabaseSync, table: string, sql: string): void {
  const columns = (name: string): string[] =>
    connection
      .prepare(`SELECT name FROM pragma_table_info(?)`)
      .all(name)
      .map((row) => String(row.name));
  const before = columns(table);
  connection.exec(
    `PRAGMA legacy_alter_table = ON; ALTER TABLE "${table}" RENAME TO "older_${table}"; PRAGMA legacy_alter_table = OFF;`,
  );
  connection.exec(sql);
  const shared = columns(table)
    .filter((name) => before.includes(name))
    .map((name) => `"${name}"`)
    .join(", ");
  connection.exec(`INSERT INTO "${table}" (${shared}) SELECT ${shared} FROM "older_${table}"; DROP TABLE "older_${table}";`);
}
