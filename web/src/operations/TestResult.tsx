import { CircleAlert, CircleCheck } from "lucide-react";
import type { ConnectionTest } from "@/api/types";
import { useWords } from "@/i18n";
import { classes, Facts } from "@/parts";

/** What a provider said when it was tried. */
export function TestResult({ result }: { result: ConnectionTest }) {
  const { t } = useWords();
  const { healthy, message, details } = result;
  const Icon = healthy ? CircleCheck : CircleAlert;
  return (
    <div
      role="status"
      className={classes("flex items-start gap-3 rounded-xl border px-4 py-3 text-sm", healthy ? "border-good/40 bg-good-soft" : "border-bad/40 bg-bad-soft")}
    >
      <Icon size={18} aria-hidden className={classes("mt-0.5 shrink-0", healthy ? "text-good" : "text-bad")} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{t(healthy ? "providers.test.good" : "providers.test.bad")}</p>
        <p className="break-words text-muted">{message}</p>
        {Object.keys(details).length > 0 && (
          <div className="mt-2">
            <Facts facts={Object.entries(details)} />
          </div>
        )}
      </div>
    </div>
  );
}
