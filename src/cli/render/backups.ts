import type { ShownBackup } from "../../loop/backup/show-backup.ts";
import type { Terminal } from "../terminal.ts";
import { renderTable } from "./table.ts";
import { bytes } from "./values.ts";

export const renderBackups = (backups: readonly ShownBackup[], terminal: Terminal): string =>
  renderTable(
    backups,
    [
      { title: "BACKUP", text: ({ backup_id }) => backup_id },
      { title: "MADE", text: ({ created_at }) => created_at.slice(0, 16).replace("T", " ") },
      { title: "STORE", text: ({ store }) => store },
      { title: "OPINIONS", align: "right", text: ({ records }) => String(records.opinions ?? 0) },
      { title: "FEEDBACK", align: "right", text: ({ records }) => String(records.feedback ?? 0) },
      { title: "FILES", align: "right", text: ({ files }) => String(files) },
      { title: "SIZE", align: "right", text: ({ size_bytes }) => bytes(size_bytes) },
    ],
    terminal,
  );
