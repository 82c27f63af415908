import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/errors";
import { Speaking } from "./i18n";
import { router } from "./router";
import "./styles.css";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // events say when something changed (api/live.ts); asking again on focus covers what a hidden page missed
      staleTime: 10_000,
      retry: (count, error) => error instanceof ApiError && error.isPassing && count < 4,
      networkMode: "always", // a server on this machine is there without a network
    },
    mutations: { networkMode: "always" },
  },
});

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has no #root");
createRoot(place).render(
  <StrictMode>
    <Speaking>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </Speaking>
  </StrictMode>,
);
