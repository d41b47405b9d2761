import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ShownSpecialist } from "../../../src/loop/show-specialist.ts";
import { queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { useClassName } from "../parts/decision.tsx";
import { Answer, Empty, Guard } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

/** Specialists and their policies as they are in force; changed in the configuration file, not here. */
export default function Settings(): ReactNode {
  const { t } = useLanguage();
  const specialists = useQuery(queries.specialists());
  return (
    <Guard permission="read">
      <header className="view-head">
        <div>
          <h1>{t("nav.settings")}</h1>
          <p className="lead">{t("settings.lead")}</p>
        </div>
      </header>
      <Answer query={specialists} lines={8}>
        {(data) =>
          data.specialists.length === 0 ? (
            <Empty title={t("overview.empty")} />
          ) : (
            data.specialists.map((one) => <SpecialistCard key={one.name} specialist={one} />)
          )
        }
      </Answer>
    </Guard>
  );
}

function SpecialistCard({ specialist }: { readonly specialist: ShownSpecialist }): ReactNode {
  const { t } = useLanguage();
  const label = useClassName();
  const { policy, feature_names, registry, defined_in } = specialist;
  return (
    <section className="card" aria-labelledby={`settings-${specialist.name}`}>
      <h2 id={`settings-${specialist.name}`}>{specialist.name}</h2>
      <dl className="facts">
        <div>
          <dt>{t("settings.classes")}</dt>
          <dd>{specialist.classes.map(label).join(", ")}</dd>
        </div>
        <div>
          <dt>{t("settings.features")}</dt>
          <dd>{t("settings.features.of", { schema: specialist.features.schema, count: feature_names.length })}</dd>
        </div>
        <div>
          <dt>
            <Term name="policy">{t("verdict.policy")}</Term>
          </dt>
          <dd>
            {policy.name}/{policy.version}
          </dd>
        </div>
        <div>
          <dt>{t("settings.registry")}</dt>
          <dd>{registry.model}</dd>
        </div>
        <div>
          <dt>{t("settings.defined-in")}</dt>
          <dd>
            <code className="wrap">{defined_in.specialist}</code>
          </dd>
        </div>
        <div>
          <dt>{t("settings.policy-defined-in")}</dt>
          <dd>
            <code className="wrap">{defined_in.policy}</code>
          </dd>
        </div>
        <div>
          <dt>
            <Term name="new-labels">{t("settings.threshold")}</Term>
          </dt>
          <dd>{policy.trigger.threshold}</dd>
        </div>
      </dl>
      <details>
        <summary>{t("settings.policy")}</summary>
        <PolicyTable values={policy} />
      </details>
      <details>
        <summary>{t("settings.all-features", { count: feature_names.length })}</summary>
        <p className="wrap">{feature_names.join(", ")}</p>
      </details>
    </section>
  );
}

/** Every value of the policy under its path, as the configuration file names it. */
function PolicyTable({ values }: { readonly values: object }): ReactNode {
  const { t } = useLanguage();
  return (
    <section className="table-frame" aria-label={t("settings.policy")}>
      <table className="columns">
        <tbody>
          {flatten(values).map(([path, value]) => (
            <tr key={path}>
              <th scope="row">
                <code>{path}</code>
              </th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const flatten = (value: object, path = ""): [string, string][] =>
  Object.entries(value).flatMap(([name, inner]: [string, unknown]): [string, string][] =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? flatten(inner, `${path}${name}.`)
      : [[path + name, Array.isArray(inner) ? inner.join(", ") : String(inner)]],
  );
