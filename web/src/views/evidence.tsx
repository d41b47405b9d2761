import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import type { ShownFindings } from "../../../src/loop/findings.ts";
import { queries } from "../api/queries.ts";
import { Bars } from "../charts/bars.tsx";
import { Figure } from "../charts/figure.tsx";
import { LabelDrift } from "../evidence/label-drift.tsx";
import { QuarantineTable } from "../evidence/quarantine-table.tsx";
import { useLanguage } from "../i18n/text.tsx";
import type { TextKey } from "../i18n/translate.ts";
import { Icon } from "../parts/icon.tsx";
import { Answer, Empty, Guard } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { Quality } from "../run/dataset-cards.tsx";

/** What the labels are worth: where they came from, how far reviewers agree, what forensics found, what could not be read. */
export default function Evidence({ specialist }: { readonly specialist: string | undefined }): ReactNode {
  return (
    <Guard permission="read">
      <EvidencePage specialist={specialist} />
    </Guard>
  );
}

function EvidencePage({ specialist }: { readonly specialist: string | undefined }): ReactNode {
  const { t } = useLanguage();
  const [, navigate] = useLocation();
  const status = useQuery(queries.status());
  const names = status.data?.specialists.map((one) => one.specialist) ?? [];
  const chosen = specialist ?? names[0];
  return (
    <>
      <header className="view-head">
        <div>
          <h1>{t("nav.evidence")}</h1>
          <p className="lead">{t("evidence.lead")}</p>
        </div>
        <div className="toolbar">
          <label className="inline-field">
            <span>{t("col.specialist")}</span>
            <select value={chosen ?? ""} onChange={(event) => navigate(`/evidence/${encodeURIComponent(event.target.value)}`)}>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </div>
      </header>
      {chosen === undefined ? (
        <Answer query={status}>{() => <Empty title={t("overview.empty")} />}</Answer>
      ) : (
        <>
          <FindingCards specialist={chosen} />
          <LabelDrift specialist={chosen} />
        </>
      )}
      <QuarantineTable />
    </>
  );
}

function FindingCards({ specialist }: { readonly specialist: string }): ReactNode {
  const { t, format } = useLanguage();
  const findings = useQuery(queries.findings(specialist));
  return (
    <Answer query={findings}>
      {(data) => (
        <>
          <div className="figure-grid">
            <Figure title={<Term name="tier">{t("evidence.by-tier")}</Term>} name={`${specialist}-labels-by-tier`}>
              <Bars
                rows={Object.entries(data.judgements_by_tier).map(([tier, count]) => ({
                  name: t(`tier.${tier}` as TextKey),
                  value: count,
                  text: format.number(count),
                  tone: MACHINE_TIERS.has(tier) ? "champion" : "challenger",
                }))}
                label={t("evidence.by-tier")}
              />
            </Figure>
            <section className="card">
              <h3>
                <Term name="agreement">{t("evidence.agreement")}</Term>
              </h3>
              {data.reviewer_agreement?.alpha == null ? (
                <p>{t("evidence.agreement.none")}</p>
              ) : (
                <>
                  <p className="big-number">{format.number(data.reviewer_agreement.alpha, 2)}</p>
                  <p className="faint">{t("evidence.agreement.of", { count: data.reviewer_agreement.opinions })}</p>
                </>
              )}
              <p className="faint">
                {data.examined_at === null
                  ? t("evidence.not-examined")
                  : t("evidence.examined", { when: format.moment(data.examined_at) })}
              </p>
            </section>
          </div>
          <ForensicsCard data={data} />
          {isReport(data.quality) && <Quality report={data.quality} />}
        </>
      )}
    </Answer>
  );
}

const MACHINE_TIERS = new Set(["rule", "echo", "synthetic"]);

type Report = Parameters<typeof Quality>[0]["report"];
const isReport = (value: unknown): value is Report =>
  typeof value === "object" && value !== null && "checks" in value && Array.isArray(value.checks);

function ForensicsCard({ data }: { readonly data: ShownFindings }): ReactNode {
  const { t, format } = useLanguage();
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  return (
    <section className="card">
      <h2>
        <Term name="forensics">{t("evidence.forensics")}</Term>
      </h2>
      {data.findings.length === 0 ? (
        <p>{data.examined_at === null ? t("evidence.not-examined") : t("evidence.clean")}</p>
      ) : (
        <ul className="reasons">
          {data.findings.map((finding, index) => (
            // findings have no id and never change
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <li key={index} data-mark={finding.effect === "warn" ? "inconclusive" : "reject"}>
              <span className="reason-mark">
                <Icon name={finding.effect === "warn" ? "warn" : "cross"} />
              </span>
              <div>
                <strong>
                  {text(finding.code)} · {text(finding.effect)} {text(finding.reviewer) !== "" && `· ${text(finding.reviewer)}`}
                </strong>
                <p lang="en">{text(finding.sentence)}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {Object.keys(data.rows_left_out).length > 0 && (
        <p className="faint">
          {t("dataset.left-out")}:{" "}
          {Object.entries(data.rows_left_out)
            .map(([reason, count]) => `${reason.replaceAll("_", " ")} ${format.number(count)}`)
            .join(", ")}
        </p>
      )}
    </section>
  );
}
