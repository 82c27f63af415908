import { LoaderCircle } from "lucide-react";
import { useEffect, useState } from "react";
import { useLive } from "@/api/live";
import { useWords } from "@/i18n";

const PATIENCE_MS = 1200; // a server that restarts quickly need not be spoken of

/** Says that the server is not there; goes by itself when it is back. */
export function ConnectionBanner() {
  const { t } = useWords();
  const lost = useLive() === "lost";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      setShown(false);
      return;
    }
    const timer = window.setTimeout(() => setShown(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, [lost]);
  return (
    <div role="status">
      {shown && (
        <p className="flex items-center justify-center gap-2 border-b border-warn/30 bg-warn-soft px-4 py-2 text-center text-sm text-warn">
          <LoaderCircle size={15} className="shrink-0 animate-spin" aria-hidden />
          {t("live.reconnecting")}
        </p>
      )}
    </div>
  );
}
