import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { isPassing, isSignedOut } from "./api/problem.ts";
import { queries } from "./api/queries.ts";
import { endSession, SessionProvider } from "./api/session.tsx";
import { App, VIEWS } from "./app.tsx";
import { LanguageProvider } from "./i18n/text.tsx";
import { applyTheme, keptTheme } from "./parts/theme.tsx";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/views.css";

applyTheme(keptTheme());

/** What may succeed later is asked again; a refusal is shown at once. */
const onError = (error: unknown): void => {
  if (isSignedOut(error)) endSession(client);
};
const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => isPassing(error) && failures < 2,
      retryDelay: (attempt) => 500 * 2 ** attempt,
      // "online" would keep a loopback server's pages waiting on a machine without network
      networkMode: "always",
      // a server that was away is asked again until it is back
      refetchInterval: ({ state }) => (isPassing(state.error) ? 5_000 : false),
    },
    mutations: { networkMode: "always" },
  },
});

// what the first view shows is asked for beside the session, not after it; whoever is not signed in gets nothing
if (window.location.pathname === "/") {
  void client.prefetchQuery(queries.status());
  // shown as a failure by the view itself, where it is wanted
  VIEWS.overview().catch(() => undefined);
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <LanguageProvider>
        <SessionProvider>
          <App />
        </SessionProvider>
      </LanguageProvider>
    </QueryClientProvider>
  </StrictMode>,
);
