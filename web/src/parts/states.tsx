import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Permission } from "../../../src/core/identity.ts";
import { isForbidden, isPassing, Problem, Unreachable } from "../api/problem.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { Icon } from "./icon.tsx";

/** Grey bars in the place of what is coming; said once to screen readers. */
export function Loading({ lines = 5 }: { readonly lines?: number }): ReactNode {
  const { t } = useLanguage();
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">{t("state.loading")}</span>
      {Array.from({ length: lines }, (_, line) => (
        // the bars are all alike and never change place
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <div key={line} className="bar" />
      ))}
    </div>
  );
}

/** Nothing is there: what would be, and what brings it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="state">
      <svg className="state-mark" viewBox="0 0 48 48" aria-hidden="true">
        <path d="M24 4 42 14v20L24 44 6 34V14z" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** What failed, what it means and what to do. The texts of the server are in English. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: (() => void) | undefined }): ReactNode {
  const { t } = useLanguage();
  const title = isForbidden(error)
    ? t("state.forbidden")
    : error instanceof Unreachable
      ? t("state.unreachable")
      : isPassing(error)
        ? t("state.unavailable")
        : error instanceof Problem && error.status === 404
          ? t("state.missing")
          : t("state.failed");
  const kind = isForbidden(error) ? "forbidden" : isPassing(error) ? "passing" : "failed";
  return (
    <div className="state" role="alert" data-kind={kind}>
      <Icon name="warn" />
      <h2>{title}</h2>
      {error instanceof Problem ? (
        <>
          <p lang="en">{error.message}</p>
          {error.remedy !== "" && <p lang="en">{error.remedy}</p>}
          {error.requestId !== null && <p className="faint">{t("state.request", { code: error.code, id: error.requestId })}</p>}
        </>
      ) : (
        <p>{error instanceof Unreachable ? t("state.unreachable.help") : t("state.failed.help")}</p>
      )}
      {retry !== undefined && !isForbidden(error) && (
        <button type="button" onClick={retry}>
          {t("action.retry")}
        </button>
      )}
    </div>
  );
}

/** Draws the answer of a query, or why it is not there. Old answers stay in sight while the server is away. */
export function Answer<Data>(props: {
  readonly query: UseQueryResult<Data>;
  readonly lines?: number;
  readonly children: (data: Data) => ReactNode;
}): ReactNode {
  const { query, lines, children } = props;
  const { t } = useLanguage();
  if (query.data !== undefined)
    return (
      <>
        {query.isError && (
          <p className="notice" role="status" data-kind="warn">
            {t("state.stale")}{" "}
            <button type="button" className="quiet" onClick={() => void query.refetch()}>
              {t("action.retry")}
            </button>
          </p>
        )}
        {children(query.data)}
      </>
    );
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Loading lines={lines ?? 5} />;
}

/** Draws its children for those who may; tells the others which permission it would need. */
export function Guard({ permission, children }: { readonly permission: Permission; readonly children: ReactNode }): ReactNode {
  const { t } = useLanguage();
  const { me, may } = useMe();
  if (may(permission)) return children;
  return (
    <div className="state" data-kind="forbidden">
      <Icon name="warn" />
      <h2>{t("state.forbidden")}</h2>
      <p>{t("state.forbidden.help", { permission, subject: me.subject, roles: me.roles.join(", ") })}</p>
    </div>
  );
}
