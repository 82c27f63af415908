import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useEffect, useState } from "react";
import { follow } from "@/api/live";
import { useWords } from "@/i18n";
import { classes } from "@/parts";
import { Toasts } from "@/parts/Toast";
import { useAppliedTheme } from "@/state/theme";
import { BottomBar } from "./BottomBar";
import { ConnectionBanner } from "./ConnectionBanner";
import { Sidebar } from "./Sidebar";
import { TokenPrompt } from "./TokenPrompt";

/** What is around every page. */
export function Shell() {
  const { t } = useWords();
  const client = useQueryClient();
  const [session, setSession] = useState(0);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useAppliedTheme();
  useEffect(() => follow(client), [client, session]);
  const isFull = path.endsWith("/logs"); // the viewer scrolls by itself
  const isWork = path === "/jobs/new" || isFull || path === "/providers/new";
  return (
    <div className="flex min-h-dvh">
      <a
        href="#content"
        className="fixed left-3 top-3 z-70 -translate-y-16 rounded-lg bg-accent px-3 py-2 text-sm font-medium text-on-accent focus:translate-y-0"
      >
        {t("app.skip")}
      </a>
      <Sidebar />
      <div className={classes("flex min-w-0 flex-1 flex-col", isFull && "h-dvh pb-[calc(3.5rem+env(safe-area-inset-bottom))] md:pb-0")}>
        <ConnectionBanner />
        <main
          id="content"
          tabIndex={-1}
          className={classes("flex min-w-0 flex-1 flex-col outline-none", isFull ? "min-h-0" : "px-4 pb-24 pt-5 md:px-8 md:pb-10 md:pt-7")}
        >
          <Outlet />
          {!isWork && (
            <Link
              to="/jobs/new"
              aria-label={t("nav.new-job")}
              title={t("nav.new-job")}
              className={classes(
            "fixed bottom-[calc(4.5rem+env(safe-area-inset-bottom))] right-4 z-20 grid size-13 place-items-center rounded-full bg-accent text-on-accent shadow-high transition-transform hover:scale-105 hover:bg-accent-strong md:bottom-6 md:right-6",
            path === "/jobs" && "md:hidden", // the list has its own button there
          )}
            >
              <Plus size={24} aria-hidden />
            </Link>
          )}
        </main>
      </div>
      <BottomBar />
      <TokenPrompt onSignedIn={() => setSession((n) => n + 1)} />
      <Toasts />
    </div>
  );
}
