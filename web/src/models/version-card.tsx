import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { address } from "../api/http.ts";
import { queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Icon } from "../parts/icon.tsx";
import { RunLink } from "../parts/run-link.tsx";
import { Answer } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

/** One version: where it comes from, who let it in, and its files. */
export function VersionCard({ specialist, version }: { readonly specialist: string; readonly version: string }): ReactNode {
  const { t, format } = useLanguage();
  const details = useQuery(queries.version(specialist, version));
  const fileAddress = (path: string): string =>
    address(
      `/models/${encodeURIComponent(specialist)}/${encodeURIComponent(version)}/files/${path.split("/").map(encodeURIComponent).join("/")}`,
    );
  type File = NonNullable<typeof details.data>["files"][number];
  const columns: readonly Column<File>[] = [
    {
      key: "path",
      name: "path",
      head: t("files.path"),
      cell: ({ path }) => (
        <a href={fileAddress(path)} download>
          <Icon name="download" /> {path}
        </a>
      ),
      value: ({ path }) => path,
    },
    {
      key: "size",
      name: "size_bytes",
      numeric: true,
      head: t("files.size"),
      cell: ({ size_bytes }) => (size_bytes === null ? "–" : format.bytes(size_bytes)),
      value: ({ size_bytes }) => size_bytes,
    },
  ];
  return (
    <section className="card">
      <h2>{t("lineage.title")}</h2>
      <Answer query={details}>
        {(model) => (
          <>
            <ol className="lineage">
              <li>
                <small>
                  <Term name="dataset">{t("lineage.dataset")}</Term>
                </small>
                {model.dataset_id === null ? "–" : <code title={model.dataset_id}>{model.dataset_id.slice(0, 10)}</code>}
                <small className="faint">{t(`source.${model.data_source}`)}</small>
              </li>
              <li>
                <small>{t("col.run")}</small>
                <RunLink id={model.run_id} />
              </li>
              <li>
                <small>
                  <Term name="verdict">{t("col.verdict")}</Term>
                </small>
                {model.verdict_id === null ? (
                  "–"
                ) : (
                  <Link href={`/verdicts/${model.verdict_id}`}>{model.verdict_id.slice(0, 10)}</Link>
                )}
                <small className="faint">{model.policy}</small>
              </li>
              <li>
                <small>{t("models.version")}</small>
                <strong>v{model.version}</strong>
                <small className="faint">{[model.stage, ...model.aliases].join(", ")}</small>
              </li>
            </ol>
            {model.tombstone !== null && (
              <p className="notice" data-kind="bad">
                {t("models.tombstone.of")} <span className="wrap">{model.tombstone}</span>
              </p>
            )}
            <p>
              <Term name="digest">SHA-256</Term>: <code className="wrap">{model.sha256 ?? "–"}</code>
            </p>
            <DataTable
              caption={t("files.title")}
              file={`${specialist}-v${version}-files`}
              columns={columns}
              rows={model.files}
              rowKey={({ path }) => path}
              showCaption
            />
          </>
        )}
      </Answer>
    </section>
  );
}
