import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import type { TokenTier } from "../../../src/core/token.ts";
import type { MadeToken, ShownToken } from "../../../src/loop/tokens.ts";
import { ask, newKey } from "../api/http.ts";
import { type List, queries } from "../api/queries.ts";
import { useLanguage } from "../i18n/text.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { Answer, Empty, Failure, Guard } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";

const ROLES = ["program", "registry_reader", "registry_writer", "registry_promoter"] as const;
const DAYS = [30, 90, 365] as const;

export default function Tokens(): ReactNode {
  return (
    <Guard permission="administer">
      <TokenPage />
    </Guard>
  );
}

/** Keys of programs: made, shown once, taken back. */
function TokenPage(): ReactNode {
  const { t } = useLanguage();
  const [isMaking, setMaking] = useState(false);
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: ({ signal }) => ask<List<"tokens", ShownToken>>("/tokens", { signal }),
  });
  return (
    <>
      <header className="view-head">
        <div>
          <h1>{t("nav.tokens")}</h1>
          <p className="lead">{t("tokens.lead")}</p>
        </div>
        <div className="toolbar">
          <button type="button" className="primary" aria-expanded={isMaking} onClick={() => setMaking(!isMaking)}>
            {t("tokens.new")}
          </button>
        </div>
      </header>
      {isMaking && <NewToken onClose={() => setMaking(false)} />}
      <Answer query={tokens} lines={5}>
        {(data) =>
          data.tokens.length === 0 ? (
            <Empty title={t("tokens.empty")}>
              <p>{t("tokens.empty.help")}</p>
            </Empty>
          ) : (
            <TokenTable tokens={data.tokens} />
          )
        }
      </Answer>
    </>
  );
}

function NewToken({ onClose }: { onClose(): void }): ReactNode {
  const { t } = useLanguage();
  const client = useQueryClient();
  const status = useQuery(queries.status());
  const [name, setName] = useState("");
  const [role, setRole] = useState<string>("program");
  const [tier, setTier] = useState<TokenTier>("rule");
  const [specialist, setSpecialist] = useState("");
  const [days, setDays] = useState<number>(90);
  const make = useMutation({
    mutationFn: () =>
      ask<MadeToken>("/tokens", {
        method: "POST",
        idempotencyKey: newKey(),
        body: {
          name: name.trim(),
          roles: [role],
          specialists: specialist === "" ? null : [specialist],
          tier,
          expires_in: `${days}d`,
        },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tokens"] }),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    make.mutate();
  };
  if (make.data !== undefined)
    return (
      <section className="card" role="status">
        <h2>{t("tokens.made")}</h2>
        <p>{t("tokens.once")}</p>
        <p>
          <code className="secret wrap">{make.data.token}</code>
        </p>
        <div className="actions">
          <button type="button" onClick={() => void navigator.clipboard.writeText(make.data.token)}>
            {t("tokens.copy")}
          </button>
          <button type="button" className="primary" onClick={onClose}>
            {t("action.close")}
          </button>
        </div>
      </section>
    );
  return (
    <form className="card form-grid" onSubmit={submit}>
      <label className="field">
        {t("tokens.name")}
        <input
          required
          pattern="[a-z0-9][a-z0-9._\-]{0,62}"
          value={name}
          onChange={(event) => setName(event.target.value)}
          aria-describedby="token-name-help"
        />
        <small id="token-name-help" className="faint">
          {t("tokens.name.help")}
        </small>
      </label>
      <label className="field">
        {t("tokens.role")}
        <select value={role} onChange={(event) => setRole(event.target.value)}>
          {ROLES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label className="field">
        {t("tokens.tier")}
        <select value={tier} onChange={(event) => setTier(event.target.value === "bulk" ? "bulk" : "rule")}>
          <option value="rule">{t("tier.rule")}</option>
          <option value="bulk">{t("tier.bulk")}</option>
        </select>
      </label>
      <label className="field">
        {t("col.specialist")}
        <select value={specialist} onChange={(event) => setSpecialist(event.target.value)}>
          <option value="">{t("filter.all")}</option>
          {status.data?.specialists.map((one) => (
            <option key={one.specialist}>{one.specialist}</option>
          ))}
        </select>
      </label>
      <label className="field">
        {t("tokens.expires")}
        <select value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {t("tokens.days", { count: one })}
            </option>
          ))}
        </select>
      </label>
      {make.isError && <Failure error={make.error} />}
      <div className="actions">
        <button type="button" onClick={onClose}>
          {t("action.cancel")}
        </button>
        <button type="submit" className="primary" disabled={make.isPending}>
          {t("tokens.make")}
        </button>
      </div>
    </form>
  );
}

function TokenTable({ tokens }: { readonly tokens: readonly ShownToken[] }): ReactNode {
  const { t, format } = useLanguage();
  const client = useQueryClient();
  const [leaving, setLeaving] = useState<ShownToken | null>(null);
  const when = (iso: string | null, absent: string): string => (iso === null ? absent : format.day(iso));
  const columns: readonly Column<ShownToken>[] = [
    { key: "name", name: "name", head: t("tokens.name"), cell: ({ name }) => <strong>{name}</strong>, value: ({ name }) => name },
    {
      key: "id",
      name: "token_id",
      head: "id",
      cell: ({ token_id }) => <code>{token_id.slice(0, 8)}</code>,
      value: ({ token_id }) => token_id,
    },
    {
      key: "roles",
      name: "roles",
      head: t("tokens.role"),
      cell: ({ roles }) => roles.join(", "),
      value: ({ roles }) => roles.join(" "),
    },
    {
      key: "tier",
      name: "tier",
      head: <Term name="tier">{t("tokens.tier")}</Term>,
      cell: ({ tier }) => tier,
      value: ({ tier }) => tier,
    },
    {
      key: "scope",
      name: "specialists",
      head: t("col.specialist"),
      cell: ({ specialists }) => specialists?.join(", ") ?? t("filter.all"),
      value: ({ specialists }) => specialists?.join(" ") ?? "",
    },
    {
      key: "by",
      name: "created_by",
      head: t("history.by"),
      cell: ({ created_by }) => created_by,
      value: ({ created_by }) => created_by,
    },
    {
      key: "expires",
      name: "expires_at",
      head: t("tokens.expires"),
      cell: ({ expires_at }) => when(expires_at, "–"),
      value: ({ expires_at }) => expires_at,
    },
    {
      key: "used",
      name: "last_used_at",
      head: t("tokens.used"),
      cell: ({ last_used_at }) => when(last_used_at, t("tokens.never")),
      value: ({ last_used_at }) => last_used_at,
    },
    {
      key: "revoke",
      name: "revoked_at",
      head: t("tokens.revoked"),
      cell: (token) =>
        token.revoked_at !== null ? (
          when(token.revoked_at, "")
        ) : (
          <button
            type="button"
            className="small danger"
            onClick={() => setLeaving(token)}
            aria-label={t("tokens.revoke.of", { name: token.name })}
          >
            {t("tokens.revoke")}
          </button>
        ),
      value: ({ revoked_at }) => revoked_at,
    },
  ];
  return (
    <section className="card">
      <DataTable
        caption={t("nav.tokens")}
        file="requeen-tokens"
        columns={columns}
        rows={tokens}
        rowKey={({ token_id }) => token_id}
      />
      {leaving !== null && (
        <Confirm
          title={t("tokens.revoke.of", { name: leaving.name })}
          action={t("tokens.revoke")}
          danger
          reasonLabel={null}
          onConfirm={async () => {
            await ask(`/tokens/${leaving.token_id}`, { method: "DELETE" });
            await client.invalidateQueries({ queryKey: ["tokens"] });
          }}
          onClose={() => setLeaving(null)}
        >
          <p>{t("tokens.revoke.what")}</p>
        </Confirm>
      )}
    </section>
  );
}
