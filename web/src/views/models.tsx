import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import type { ShownModel } from "../../../src/loop/present.ts";
import { queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { Timeline } from "../models/timeline.tsx";
import { VersionCard } from "../models/version-card.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { RunLink } from "../parts/run-link.tsx";
import { Answer, Empty, Guard } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

/** Versions with their lineage, and what was in production when. */
export default function Models(props: {
  readonly specialist: string | undefined;
  readonly version: string | undefined;
}): ReactNode {
  return (
    <Guard permission="read">
      <ModelsPage {...props} />
    </Guard>
  );
}

function ModelsPage({
  specialist,
  version,
}: {
  readonly specialist: string | undefined;
  readonly version: string | undefined;
}): ReactNode {
  const { t } = useLanguage();
  const [, navigate] = useLocation();
  const status = useQuery(queries.status());
  const models = useQuery(queries.models(specialist));
  const history = useQuery(queries.history(specialist));
  return (
    <>
      <header className="view-head">
        <div>
          {specialist !== undefined && (
            <p className="crumbs">
              <Link href="/models">{t("nav.models")}</Link>
              {version !== undefined && (
                <>
                  {" / "}
                  <Link href={`/models/${encodeURIComponent(specialist)}`}>{specialist}</Link>
                </>
              )}
            </p>
          )}
          <h1>{specialist === undefined ? t("nav.models") : version === undefined ? specialist : `${specialist} v${version}`}</h1>
          <p className="lead">{t("models.lead")}</p>
        </div>
        <div className="toolbar">
          <label className="inline-field">
            <span>{t("col.specialist")}</span>
            <select
              value={specialist ?? ""}
              onChange={(event) =>
                navigate(event.target.value === "" ? "/models" : `/models/${encodeURIComponent(event.target.value)}`)
              }
            >
              <option value="">{t("filter.all")}</option>
              {status.data?.specialists.map((one) => (
                <option key={one.specialist}>{one.specialist}</option>
              ))}
            </select>
          </label>
        </div>
      </header>
      {specialist !== undefined && version !== undefined && (
        <VersionCard key={version} specialist={specialist} version={version} />
      )}
      <section className="card">
        <h2>{t("models.timeline")}</h2>
        <Answer query={history} lines={3}>
          {({ reigns }) => (reigns.length === 0 ? <p>{t("models.timeline.empty")}</p> : <Timeline reigns={reigns} />)}
        </Answer>
      </section>
      <Answer query={models} lines={6}>
        {({ models: versions }) =>
          versions.length === 0 ? (
            <Empty title={t("models.empty")}>
              <p>{t("models.empty.help")}</p>
            </Empty>
          ) : (
            <VersionTable versions={versions} />
          )
        }
      </Answer>
    </>
  );
}

function VersionTable({ versions }: { readonly versions: readonly ShownModel[] }): ReactNode {
  const { t, format } = useLanguage();
  const columns: readonly Column<ShownModel>[] = [
    {
      key: "specialist",
      name: "specialist",
      head: t("col.specialist"),
      cell: (model) => model.specialist,
      value: (model) => model.specialist,
    },
    {
      key: "version",
      name: "version",
      head: t("models.version"),
      cell: ({ specialist, version }) => (
        <Link href={`/models/${encodeURIComponent(specialist)}/${encodeURIComponent(version)}`}>v{version}</Link>
      ),
      value: ({ version }) => version,
    },
    {
      key: "aliases",
      name: "aliases",
      head: <Term name="champion">{t("models.aliases")}</Term>,
      cell: ({ aliases, tombstone }) => (
        <>
          {aliases.map((alias) => (
            <span key={alias} className="badge" data-tone={alias === "champion" ? "good" : "other"}>
              {alias}
            </span>
          ))}
          {tombstone !== null && (
            <span className="badge" data-tone="bad" title={tombstone}>
              {t("models.tombstone")}
            </span>
          )}
        </>
      ),
      value: ({ aliases }) => aliases.join(" "),
    },
    {
      key: "source",
      name: "data_source",
      head: <Term name="data-source">{t("models.source")}</Term>,
      cell: ({ data_source }) => t(`source.${data_source}`),
      value: ({ data_source }) => data_source,
    },
    {
      key: "run",
      name: "run_id",
      head: t("col.run"),
      cell: ({ run_id }) => <RunLink id={run_id} />,
      value: ({ run_id }) => run_id,
    },
    {
      key: "digest",
      name: "sha256",
      head: <Term name="digest">SHA-256</Term>,
      cell: ({ sha256 }) => (sha256 === null ? "–" : <code title={sha256}>{sha256.slice(0, 10)}</code>),
      value: ({ sha256 }) => sha256,
    },
    {
      key: "created",
      name: "created_at",
      head: t("models.created"),
      cell: ({ created_at }) => format.moment(created_at),
      value: ({ created_at }) => created_at,
    },
  ];
  return (
    <section className="card">
      <DataTable
        caption={t("models.versions")}
        file="requeen-models"
        columns={columns}
        rows={versions}
        rowKey={({ specialist, version }) => `${specialist} ${version}`}
        showCaption
      />
    </section>
  );
}
