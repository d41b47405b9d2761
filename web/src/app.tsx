import { Component, lazy, type ReactNode, Suspense, useEffect } from "react";
import { Route, Switch, useLocation } from "wouter";
import { Unreachable } from "./api/problem.ts";
import { useSession } from "./api/session.tsx";
import { useLanguage } from "./i18n/text.tsx";
import { Shell } from "./parts/shell.tsx";
import { Empty, Failure, Loading } from "./parts/states.tsx";
import { SignIn } from "./views/sign-in.tsx";

/** Each view is a file of its own; all of them come as soon as the first one stands, so that a server that goes away takes none with it. */
export const VIEWS = {
  overview: () => import("./views/overview.tsx"),
  review: () => import("./views/review.tsx"),
  runs: () => import("./views/runs.tsx"),
  run: () => import("./views/run.tsx"),
  models: () => import("./views/models.tsx"),
  evidence: () => import("./views/evidence.tsx"),
  audit: () => import("./views/audit.tsx"),
  settings: () => import("./views/settings.tsx"),
  tokens: () => import("./views/tokens.tsx"),
};
const reached =
  <Module,>(load: () => Promise<Module>) =>
  (): Promise<Module> =>
    load().catch((cause: unknown) => {
      throw new Unreachable(cause);
    });
const Overview = lazy(reached(VIEWS.overview));
const Review = lazy(reached(VIEWS.review));
const Runs = lazy(reached(VIEWS.runs));
const Run = lazy(reached(VIEWS.run));
const Models = lazy(reached(VIEWS.models));
const Evidence = lazy(reached(VIEWS.evidence));
const Audit = lazy(reached(VIEWS.audit));
const Settings = lazy(reached(VIEWS.settings));
const Tokens = lazy(reached(VIEWS.tokens));

const AHEAD_AFTER_MS = 1_500;

function useViewsAhead(enabled: boolean): void {
  useEffect(() => {
    if (!enabled) return;
    const timer = setTimeout(() => {
      // one that does not come is asked for again when it is wanted
      for (const load of Object.values(VIEWS)) load().catch(() => undefined);
    }, AHEAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [enabled]);
}

export function App(): ReactNode {
  const session = useSession();
  const [location] = useLocation();
  useViewsAhead(session.state === "in");
  if (session.state === "loading") return <Loading />;
  if (session.state === "failed") return <Failure error={session.error} retry={() => window.location.reload()} />;
  if (session.state === "out") return <SignIn expired={session.expired} />;
  return (
    <Shell>
      <Fence key={location}>
        <Suspense fallback={<Loading />}>
          <Switch>
            <Route path="/" component={Overview} />
            <Route path="/sign-in" component={Overview} />
            <Route path="/review" component={Review} />
            <Route path="/runs" component={Runs} />
            <Route path="/runs/:id">{({ id }) => <Run key={id} id={id} />}</Route>
            <Route path="/verdicts/:id">{({ id }) => <Run key={id} id={id} />}</Route>
            <Route path="/models/:specialist?/:version?">
              {({ specialist, version }) => <Models specialist={specialist} version={version} />}
            </Route>
            <Route path="/evidence/:specialist?">{({ specialist }) => <Evidence specialist={specialist} />}</Route>
            <Route path="/audit" component={Audit} />
            <Route path="/settings" component={Settings} />
            <Route path="/tokens" component={Tokens} />
            <Route>
              <NoView />
            </Route>
          </Switch>
        </Suspense>
      </Fence>
    </Shell>
  );
}

function NoView(): ReactNode {
  const { t } = useLanguage();
  return (
    <Empty title={t("state.missing")}>
      <a href="/">{t("nav.overview")}</a>
    </Empty>
  );
}

/** A bug in one view leaves the others: says so instead of an empty page. */
class Fence extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <>
        {error instanceof Unreachable && <ReloadWhenBack />}
        <Failure error={error} retry={() => window.location.reload()} />
      </>
    );
  }
}

const LOOK_EVERY_MS = 3_000;

/** A part of the pages did not come: once the server answers, the page is loaded anew, also when the server has newer pages by then. */
function ReloadWhenBack(): null {
  useEffect(() => {
    const timer = setInterval(() => {
      fetch("/health").then(
        ({ ok }) => ok && window.location.reload(),
        () => undefined,
      );
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return null;
}
