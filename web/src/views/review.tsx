import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { queries } from "../api/queries.ts";
import { readSummary } from "../api/review.ts";
import { REVIEW_MODES, type ReviewMode } from "../api/review-modes.ts";
import { useMe } from "../api/session.tsx";
import { useLanguage } from "../i18n/text.tsx";
import { ColumnsCard, PlanCard } from "../parts/plan.tsx";
import { load, save } from "../parts/remember.ts";
import { Empty, Failure, Guard, Loading } from "../parts/states.tsx";
import { Term } from "../parts/term.tsx";
import { DecisionPanel } from "../review/decision-panel.tsx";
import { KeysHelp } from "../review/keys-help.tsx";
import { LastDecision } from "../review/last-decision.tsx";
import { NeedSentence } from "../review/need-sentence.tsx";
import { ReviewTimer } from "../review/review-timer.tsx";
import { SkipDialog } from "../review/skip-dialog.tsx";
import { useKeys } from "../review/use-keys.ts";
import { useReview } from "../review/use-review.ts";

export default function Review(): ReactNode {
  return (
    <Guard permission="review">
      <ReviewDesk />
    </Guard>
  );
}

/** The queue, one plan at a time. Specialist and mode stand in the address. */
function ReviewDesk(): ReactNode {
  const { t } = useLanguage();
  const { me } = useMe();
  const [, navigate] = useLocation();
  const [params] = useSearchParams();
  const specialist = params.get("specialist");
  const mode: ReviewMode = REVIEW_MODES.find((known) => known === params.get("mode")) ?? "blind";
  const [straightOn, setStraightOn] = useState(load("straight-on") === "yes");
  const [keysOn, setKeysOn] = useState(load("keys") !== "off");
  const [open, setOpen] = useState<"skip" | "help" | null>(null);
  const review = useReview({ subject: me.subject, specialist, mode, straightOn });
  const summary = useQuery({ queryKey: ["review-summary"], queryFn: readSummary, refetchInterval: 60_000 });
  const { step } = review;
  const item = step.at === "deciding" || step.at === "decided" ? step.item : null;
  const specialists = useQuery(queries.specialists());
  // the decisions hold other words for the classes too, which imports use
  const classes = specialists.data?.specialists.find(({ name }) => name === item?.specialist)?.classes;
  const choices = item?.decisions.filter((name) => classes?.includes(name) ?? true) ?? [];

  const go = (next: { specialist?: string | null; mode?: ReviewMode }): void => {
    const wanted = { specialist, mode, ...next };
    const query = new URLSearchParams();
    if (wanted.specialist) query.set("specialist", wanted.specialist);
    if (wanted.mode !== "blind") query.set("mode", wanted.mode);
    navigate(`/review${query.size === 0 ? "" : `?${query}`}`);
  };

  useKeys(keysOn && open === null, {
    decide: (position) => {
      const choice = step.at === "deciding" ? choices[position] : undefined;
      if (choice !== undefined) review.decide(choice);
    },
    skip: () => step.at === "deciding" && setOpen("skip"),
    undo: review.undo,
    next: review.next,
    notes: () => document.getElementById("review-notes")?.focus(),
    help: () => setOpen("help"),
  });
  useEffect(() => save("straight-on", straightOn ? "yes" : null), [straightOn]);
  useEffect(() => save("keys", keysOn ? null : "off"), [keysOn]);

  return (
    <div className="review">
      <header className="view-head">
        <div>
          <h1>{t("review.title")}</h1>
          <NeedSentence summary={summary.data} specialist={specialist} />
        </div>
        <div className="toolbar">
          <label className="inline-field">
            <span>{t("review.specialist")}</span>
            <select value={specialist ?? ""} onChange={(event) => go({ specialist: event.target.value || null })}>
              <option value="">{t("review.any")}</option>
              {(summary.data?.specialists ?? []).map((one) => (
                <option key={one.specialist} value={one.specialist}>
                  {one.specialist} ({one.waiting})
                </option>
              ))}
            </select>
          </label>
          <fieldset className="segments">
            <legend className="visually-hidden">{t("review.mode")}</legend>
            {REVIEW_MODES.map((one) => (
              <label key={one}>
                <input type="radio" name="mode" checked={mode === one} onChange={() => go({ mode: one })} />
                <span>{t(`review.mode.${one}`)}</span>
              </label>
            ))}
          </fieldset>
          <button type="button" className="quiet" onClick={() => setOpen("help")}>
            {t("review.keys")} <kbd>?</kbd>
          </button>
        </div>
      </header>
      {review.waiting > 0 && (
        <p className="notice" data-kind="warn" role="status">
          {t("review.waiting", { count: review.waiting })}
        </p>
      )}
      {review.last !== null && <LastDecision last={review.last} undo={review.undo} />}
      {step.at === "loading" && <Loading lines={8} />}
      {step.at === "empty" && (
        <Empty title={t("review.empty")}>
          <p>{t("review.empty.help")}</p>
          <button type="button" onClick={review.next}>
            {t("review.look-again")}
          </button>
        </Empty>
      )}
      {step.at === "failed" && <Failure error={step.error} retry={review.next} />}
      {item !== null && (
        <div className="review-columns">
          <article className="card" aria-labelledby="review-item">
            <header className="card-head">
              <h2 id="review-item">
                {item.plan === null ? t("review.row") : t("review.plan")} <code>{item.claim.plan_id}</code>
              </h2>
              <p className="faint">
                {t("review.for")} <strong>{item.claim.specialist}</strong> ·{" "}
                <Term name={mode === "blind" ? "blind" : "informed"}>{t(`review.mode.${item.claim.mode}`)}</Term>
              </p>
              {step.at === "deciding" && <ReviewTimer claim={item.claim} renew={review.renew} />}
            </header>
            {item.plan === null ? <ColumnsCard columns={item.columns ?? {}} /> : <PlanCard plan={item.plan} />}
          </article>
          <DecisionPanel
            key={item.claim.claim_id}
            step={step}
            choices={choices}
            decide={review.decide}
            draft={review.draft}
            setDraft={review.setDraft}
            skip={() => setOpen("skip")}
            undo={review.undo}
            next={review.next}
            progress={{ done: summary.data?.done ?? null, secondsEach: summary.data?.seconds_per_review ?? null }}
          />
        </div>
      )}
      {open === "skip" && <SkipDialog onSkip={review.skip} onClose={() => setOpen(null)} />}
      {open === "help" && (
        <KeysHelp
          classes={choices}
          keysOn={keysOn}
          setKeysOn={setKeysOn}
          straightOn={straightOn}
          setStraightOn={setStraightOn}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}
