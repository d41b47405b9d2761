import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { ReviewSummary, ShownClaim, SubmittedReview } from "../../../src/loop/review.ts";
import { type Delivery, Outbox } from "../api/outbox.ts";
import { isPassing, isSignedOut } from "../api/problem.ts";
import { nextItem, type ReviewItem, releaseItem, renewItem, skipItem, submitItem, undoItem } from "../api/review.ts";
import type { ReviewMode } from "../api/review-modes.ts";
import { useSignIn } from "../api/session.tsx";

export interface Draft {
  readonly rating: number | null;
  readonly notes: string;
}
const NO_DRAFT: Draft = { rating: null, notes: "" };

/** One decision on its way or there. */
export interface Decided {
  readonly item: ReviewItem;
  readonly decision: string;
  readonly delivery: Delivery<SubmittedReview> | null;
  /** Until when it can be taken back, milliseconds since the epoch. */
  readonly undoUntil: number;
}

export type Step =
  | { readonly at: "loading" }
  | { readonly at: "empty" }
  | { readonly at: "failed"; readonly error: unknown }
  | { readonly at: "deciding"; readonly item: ReviewItem }
  | ({ readonly at: "decided" } & Decided);

export const UNDO_MS = 10_000;
const RESEND_EVERY_MS = 3_000;

export interface Review {
  readonly step: Step;
  /** The decision before this item, when the reviewer goes straight on. */
  readonly last: Decided | null;
  /** Decisions that this browser keeps until the server is back. */
  readonly waiting: number;
  readonly draft: Draft;
  setDraft(draft: Draft): void;
  decide(decision: string): void;
  skip(reason: string): Promise<void>;
  undo(): void;
  next(): void;
  renew(): void;
}

/** The reviewer's way through the queue: claim, decide, see the opinion, go on. */
export function useReview(options: {
  readonly subject: string;
  readonly specialist: string | null;
  readonly mode: ReviewMode;
  readonly straightOn: boolean;
}): Review {
  const { subject, specialist, mode, straightOn } = options;
  const client = useQueryClient();
  const { lost } = useSignIn();
  const [step, setStep] = useState<Step>({ at: "loading" });
  const [last, setLast] = useState<Decided | null>(null);
  const [draft, setDraft] = useState(NO_DRAFT);
  const outbox = useMemo(() => new Outbox(subject, submitItem), [subject]);
  const waiting = useSyncExternalStore(outbox.subscribe, () => outbox.items.length);
  /** The item after this one, claimed while the opinion on this one is read. */
  const ahead = useRef<{ readonly wish: string; readonly item: Promise<ReviewItem | null> } | null>(null);
  const wish = `${specialist ?? ""} ${mode}`;
  const held = useRef<string | null>(null);

  /** The server counts now and then; in between the page counts on. */
  const countDone = useCallback(
    (more: number): void => {
      client.setQueryData<ReviewSummary>(["review-summary"], (old) => old && { ...old, done: old.done + more }, {
        updatedAt: client.getQueryState(["review-summary"])?.dataUpdatedAt,
      });
    },
    [client],
  );

  /** What is on its way back to the queue: asked for before it is there, the next item could be missed when it is the only one. */
  const returning = useRef<Promise<unknown>>(Promise.resolve());
  const giveBack = useCallback((claimed: Promise<ReviewItem | null>): void => {
    const back = claimed.then((item) => item && releaseItem(item.claim.claim_id));
    // where that fails its time runs out instead
    returning.current = Promise.allSettled([returning.current, back]);
  }, []);
  const giveBackHeld = useCallback((): void => {
    if (held.current !== null) returning.current = Promise.allSettled([returning.current, releaseItem(held.current)]);
    held.current = null;
    if (ahead.current !== null) giveBack(ahead.current.item);
    ahead.current = null;
  }, [giveBack]);

  const claimNext = useCallback((): Promise<ReviewItem | null> => {
    const ready = ahead.current;
    ahead.current = null;
    if (ready?.wish === wish) return ready.item;
    if (ready !== null) giveBack(ready.item);
    return returning.current.then(() => nextItem(specialist, mode));
  }, [specialist, mode, wish, giveBack]);

  const put = useCallback((item: ReviewItem | null): void => {
    held.current = item?.claim.claim_id ?? null;
    setStep(item === null ? { at: "empty" } : { at: "deciding", item });
  }, []);
  const fail = useCallback(
    (error: unknown): void => {
      if (isSignedOut(error)) lost();
      setStep({ at: "failed", error });
    },
    [lost],
  );
  const show = useCallback(
    (wanted: Promise<ReviewItem | null>): void => {
      setDraft(NO_DRAFT);
      wanted.then(put, fail);
    },
    [put, fail],
  );

  const next = useCallback(() => {
    setStep((now) => {
      if (now.at === "deciding" || now.at === "loading") return now;
      show(claimNext());
      return { at: "loading" };
    });
  }, [show, claimNext]);

  // the first item, and another when the wish changes; what is held then goes back to the others
  useEffect(() => {
    let state: "wanted" | "there" | "left" = "wanted";
    const wanted = claimNext();
    setStep({ at: "loading" });
    setLast(null);
    setDraft(NO_DRAFT);
    wanted.then(
      (item) => {
        if (state === "left") return;
        state = "there";
        put(item);
      },
      (error: unknown) => {
        if (state !== "left") fail(error);
      },
    );
    return () => {
      if (state === "wanted") giveBack(wanted);
      state = "left";
      giveBackHeld();
    };
  }, [claimNext, put, fail, giveBack, giveBackHeld]);

  // a page that is closed gives back what it held; one that the browser brings back whole takes something new
  useEffect(() => {
    const comeBack = (event: PageTransitionEvent): void => {
      if (!event.persisted) return;
      setStep({ at: "loading" });
      show(claimNext());
    };
    window.addEventListener("pagehide", giveBackHeld);
    window.addEventListener("pageshow", comeBack);
    return () => {
      window.removeEventListener("pagehide", giveBackHeld);
      window.removeEventListener("pageshow", comeBack);
    };
  }, [show, claimNext, giveBackHeld]);

  const decide = useCallback(
    (decision: string) => {
      if (step.at !== "deciding") return;
      const { item } = step;
      const decided: Decided = { item, decision, delivery: null, undoUntil: Date.now() + UNDO_MS };
      held.current = null;
      const claimId = item.claim.claim_id;
      const update = (delivery: Decided["delivery"]): void => {
        const change = (one: Decided | null): Decided | null => (one?.item === item ? { ...one, delivery } : one);
        setLast(change);
        setStep((now) => (now.at === "decided" && now.item === item ? { ...now, delivery } : now));
      };
      const key = `submit-${claimId}-${decision}-${decided.undoUntil}`;
      void outbox.deliver({ claimId, body: { decision, rating: draft.rating, notes: draft.notes }, key }).then((delivery) => {
        if (delivery.state === "refused" && isSignedOut(delivery.error)) lost();
        update(delivery);
        if (delivery.state === "sent") countDone(1);
      });
      if (straightOn) {
        setLast(decided);
        setStep({ at: "loading" });
        show(claimNext());
      } else {
        setLast(null);
        setStep({ at: "decided", ...decided });
        ahead.current = { wish, item: nextItem(specialist, mode) };
        ahead.current.item.catch(() => {
          // asked again when the reviewer goes on; the failure shows then
          ahead.current = null;
        });
      }
    },
    [step, draft, outbox, straightOn, show, claimNext, countDone, lost, specialist, mode, wish],
  );

  const undo = useCallback(() => {
    const decided = step.at === "decided" ? step : last;
    if (decided === null || decided.delivery?.state !== "sent" || Date.now() > decided.undoUntil) return;
    const current = step.at === "deciding" ? step.item : null;
    undoItem(decided.item.claim.claim_id).then(
      ({ review }) => {
        setLast(null);
        countDone(-1);
        if (review === null) {
          // somebody else took it at once: what was on the desk stays there
          if (current === null) show(claimNext());
        } else {
          if (current !== null) giveBack(Promise.resolve(current));
          held.current = review.claim.claim_id;
          setDraft(NO_DRAFT);
          setStep({ at: "deciding", item: review });
        }
      },
      (error: unknown) => setStep({ at: "failed", error }),
    );
  }, [step, last, countDone, show, claimNext, giveBack]);

  const skip = useCallback(
    async (reason: string) => {
      if (step.at !== "deciding") return;
      await skipItem(step.item.claim.claim_id, reason);
      held.current = null;
      setStep({ at: "loading" });
      show(claimNext());
    },
    [step, show, claimNext],
  );

  const renew = useCallback(() => {
    if (step.at !== "deciding") return;
    const { item } = step;
    const replace = (claim: ShownClaim): void =>
      setStep((now) => (now.at === "deciding" && now.item === item ? { ...now, item: { ...item, claim } } : now));
    renewItem(item.claim.claim_id).then(replace, (error: unknown) => {
      if (!isPassing(error)) setStep({ at: "failed", error });
    });
  }, [step]);

  // what could not be sent is sent again: soon, and as soon as the network says it is back
  useEffect(() => {
    if (waiting === 0) return;
    const resend = (): void => {
      const [oldest] = outbox.items;
      if (oldest === undefined) return;
      void outbox.deliver(oldest).then((delivery) => {
        const change = <T extends Decided>(one: T): T =>
          one.item.claim.claim_id === oldest.claimId ? { ...one, delivery } : one;
        setLast((one) => one && change(one));
        setStep((now) => (now.at === "decided" ? change(now) : now));
        if (delivery.state === "sent") countDone(1);
      });
    };
    const timer = setInterval(resend, RESEND_EVERY_MS);
    window.addEventListener("online", resend);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", resend);
    };
  }, [waiting, outbox, countDone]);

  return { step, last, waiting, draft, setDraft, decide, skip, undo, next, renew };
}
