import { Link } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { useState } from "react";
import { useWords } from "@/i18n";
import { Dialog } from "@/parts";
import { PLACES, type Place } from "./navigation";
import { Preferences } from "./Preferences";

const item =
  "flex min-h-14 flex-1 flex-col items-center justify-center gap-0.5 text-2xs font-medium text-muted focus-visible:outline-offset-[-3px] aria-[current=page]:text-accent";

/** Navigation at the bottom of a phone, in reach of a thumb. */
export function BottomBar() {
  const { t } = useWords();
  const [more, setMore] = useState(false);
  const link = ({ to, word, icon: Icon }: Place, className: string) => (
    <Link
      key={to}
      to={to}
      activeOptions={{ exact: to === "/", includeSearch: false }}
      onClick={() => setMore(false)}
      className={className}
    >
      <Icon size={20} aria-hidden />
      {t(word)}
    </Link>
  );
  return (
    <>
      <nav
        aria-label={t("nav.label")}
        className="fixed inset-x-0 bottom-0 z-30 flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
      >
        {PLACES.slice(0, 4).map((place) => link(place, item))}
        <button type="button" aria-haspopup="dialog" onClick={() => setMore(true)} className={item}>
          <Ellipsis size={20} aria-hidden />
          {t("nav.more")}
        </button>
      </nav>
      <Dialog open={more} onClose={() => setMore(false)} title={t("nav.more")}>
        <div className="mb-4 flex flex-col gap-1">
          {PLACES.slice(4).map((place) =>
            link(place, "flex min-h-11 items-center gap-3 rounded-lg px-2 font-medium hover:bg-hover aria-[current=page]:text-accent"),
          )}
        </div>
        <Preferences />
      </Dialog>
    </>
  );
}
