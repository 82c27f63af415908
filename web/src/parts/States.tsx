/** What stands where content is missing: still loading, none there, or an error. */
import { CircleAlert, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "@/api/errors";
import { useWords } from "@/i18n";
import { Button } from "./Button";
import { classes } from "./classes";

export function EmptyState({ icon, title, children, action }: { icon?: ReactNode; title: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-1 px-6 py-12 text-center">
      {icon && <div className="mb-2 text-faint">{icon}</div>}
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-md text-sm text-muted">{children}</div>}
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}

/** Grey bars in the place of what is loading; `lines` of them. */
export function Skeleton({ lines = 1, className }: { lines?: number; className?: string }) {
  const { t } = useWords();
  return (
    <div role="status" aria-label={t("part.loading")} className={classes("flex flex-col gap-2.5", className)}>
      {Array.from({ length: lines }, (_, line) => (
        <div
          key={line}
          className="h-4 rounded bg-line [animation:shimmer_1.4s_ease-in-out_infinite]"
          style={{ width: `${92 - ((line * 17) % 40)}%` }}
        />
      ))}
    </div>
  );
}

/** An error in words: what the server said, or that it does not answer. */
export function useErrorText(): (error: unknown) => string {
  const { t } = useWords();
  return (error) => {
    if (error instanceof ApiError && error.status === 0) return t("error.network");
    if (error instanceof ApiError) return [error.message, ...error.errors.map((e) => `${e.field}: ${e.message}`)].join("\n");
    return error instanceof Error ? error.message : String(error);
  };
}

export function ErrorPanel({ error, onRetry, title }: { error: unknown; onRetry?: () => void; title?: string }) {
  const { t } = useWords();
  const text = useErrorText();
  return (
    <div role="alert" className="flex items-start gap-3 rounded-xl border border-bad/40 bg-bad-soft px-4 py-3 text-sm">
      <CircleAlert size={18} className="mt-0.5 shrink-0 text-bad" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title ?? t("error.title")}</p>
        <p className="whitespace-pre-line break-words text-muted">{text(error)}</p>
      </div>
      {onRetry && (
        <Button size="sm" icon={<RotateCw size={14} aria-hidden />} onClick={onRetry}>
          {t("action.retry")}
        </Button>
      )}
    </div>
  );
}
