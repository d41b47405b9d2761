import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { Problem } from "../api/problem.ts";
import { useSignIn } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { LocaleButton } from "../parts/shell.tsx";
import { ThemeButton } from "../parts/theme.tsx";

/** By token always; by the team's sign-in where the server has one. */
export function SignIn({ expired }: { readonly expired: boolean }): ReactNode {
  const { t } = useLanguage();
  const { signIn } = useSignIn();
  const [token, setToken] = useState("");
  const [state, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });
  const provider = useQuery({ queryKey: ["sign-in-ways"], queryFn: readWays, staleTime: Number.POSITIVE_INFINITY });
  const failed = new URLSearchParams(location.search).get("failed");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setState({ busy: true, error: null });
    signIn(token.trim()).then(
      () => setToken(""),
      (error: unknown) => setState({ busy: false, error }),
    );
  };
  return (
    <main className="sign-in">
      <div className="sign-in-corner">
        <ThemeButton />
        <LocaleButton />
      </div>
      <form onSubmit={submit} className="card">
        <svg viewBox="0 0 32 32" aria-hidden="true" className="sign-in-mark">
          <path d="M16 2 28 9v14l-12 7L4 23V9z" className="brand-cell" />
          <path d="m9 14 3.5 3L16 11l3.5 6L23 14l-1.5 8h-11z" className="brand-crown" />
        </svg>
        <h1>{t("sign-in.title")}</h1>
        <p>{t("sign-in.what")}</p>
        {expired && (
          <p className="notice" data-kind="warn" role="alert">
            {t("sign-in.expired")}
          </p>
        )}
        {failed !== null && (
          <p className="notice" data-kind="bad" role="alert">
            {t("sign-in.failed", { reason: failed })}
          </p>
        )}
        {provider.data?.oidc && (
          <>
            <a
              className="button primary wide"
              href={`/auth/login?return_to=${encodeURIComponent(location.pathname === "/sign-in" ? "/" : location.pathname + location.search)}`}
            >
              {t("sign-in.oidc")}
            </a>
            <p className="or">{t("sign-in.or")}</p>
          </>
        )}
        <label className="field">
          {t("sign-in.token")}
          <input
            type="password"
            autoComplete="current-password"
            required
            value={token}
            aria-describedby="token-help"
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        <p id="token-help" className="faint">
          {t("sign-in.token.help")}
        </p>
        {state.error !== null && (
          <p className="notice" data-kind="bad" role="alert">
            {state.error instanceof Problem && state.error.status === 401 ? t("sign-in.refused") : t("state.unreachable.help")}{" "}
            {state.error instanceof Problem && <span lang="en">{state.error.message}</span>}
          </p>
        )}
        <button type="submit" className="primary wide" disabled={state.busy}>
          {state.busy ? t("state.working") : t("sign-in.go")}
        </button>
      </form>
    </main>
  );
}

/** Whether the team's own sign-in is configured: the server answers only where it is. */
async function readWays(): Promise<{ oidc: boolean }> {
  const response = await fetch("/auth/login", { method: "HEAD", redirect: "manual" });
  return { oidc: response.type === "opaqueredirect" || response.ok };
}
