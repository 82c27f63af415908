import { Link } from "@tanstack/react-router";
import { useLive } from "@/api/live";
import { useWords } from "@/i18n";
import { classes } from "@/parts";
import { Brand } from "./Brand";
import { PLACES } from "./navigation";
import { Preferences } from "./Preferences";

/** Navigation beside the page on wide screens. */
export function Sidebar() {
  const { t } = useWords();
  const live = useLive();
  return (
    <aside className="sticky top-0 hidden h-dvh w-56 shrink-0 flex-col border-r border-line bg-surface px-3 py-4 md:flex">
      <Link to="/" className="mb-6 flex items-center gap-2.5 px-2 text-base font-semibold tracking-tight">
        <Brand />
        Hodei
      </Link>
      <nav aria-label={t("nav.label")} className="flex flex-col gap-0.5">
        {PLACES.map(({ to, word, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            activeOptions={{ exact: to === "/", includeSearch: false }}
            className="flex min-h-9 items-center gap-2.5 rounded-lg px-2.5 text-sm font-medium text-muted hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent"
          >
            <Icon size={17} aria-hidden />
            {t(word)}
          </Link>
        ))}
      </nav>
      <div className="mt-auto flex flex-col gap-4">
        <p className="flex items-center gap-2 px-2 text-xs text-muted">
          <span
            aria-hidden
            className={classes("size-2 rounded-full", live === "open" ? "bg-good" : "animate-pulse bg-warn")}
          />
          {t(live === "open" ? "live.on" : "live.connecting")}
        </p>
        <Preferences />
      </div>
    </aside>
  );
}
