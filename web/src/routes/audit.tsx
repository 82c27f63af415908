import { useNavigate, useSearch } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { useEffect, useRef } from "react";
import { useWords } from "@/i18n";
import { AuditFilters, type AuditFilter, filterOf } from "@/operations/AuditFilters";
import { Events } from "@/operations/Events";
import { useAudit } from "@/operations/queries";
import { Button, Card, EmptyState, ErrorPanel, PageHead, Skeleton } from "@/parts";

export default function Audit() {
  const { t } = useWords();
  const filter = filterOf(useSearch({ from: "/audit" }));
  const navigate = useNavigate();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useAudit(filter);
  const records = data?.pages.flatMap((page) => page.items);
  const filtered = Object.keys(filter).length > 0;
  const set = (next: AuditFilter) => void navigate({ to: "/audit", search: next, replace: true });
  return (
    <>
      <PageHead title={t("audit.title")} />
      <AuditFilters filter={filter} onChange={set} />
      {error && <div className="mb-4"><ErrorPanel error={error} onRetry={() => void refetch()} /></div>}
      {!(error && !records) && (
        <Card flush>
          {records === undefined ? (
            <Skeleton lines={8} className="p-4" />
          ) : records.length === 0 ? (
            <EmptyState icon={<ScrollText size={36} aria-hidden />} title={t(filtered ? "audit.empty.filtered" : "audit.empty.title")}>
              {t(filtered ? "audit.empty.filtered-text" : "audit.empty.text")}
            </EmptyState>
          ) : (
            <>
              <Events records={records} />
              <More has={hasNextPage} busy={isFetchingNextPage} onMore={() => void fetchNextPage()} />
            </>
          )}
        </Card>
      )}
    </>
  );
}

/** Loads the next page when its button comes near the screen; the button is for those who do not scroll. */
function More({ has, busy, onMore }: { has: boolean; busy: boolean; onMore: () => void }) {
  const { t } = useWords();
  const place = useRef<HTMLDivElement>(null);
  const more = useRef(onMore);
  more.current = onMore;
  useEffect(() => {
    const element = place.current;
    if (element === null || !has || busy) return;
    const observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more.current(), { rootMargin: "600px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [has, busy]);
  return (
    <div ref={place} className="flex justify-center border-t border-line p-3 text-xs text-muted">
      {has ? (
        <Button size="sm" busy={busy} onClick={onMore}>
          {t("action.load-more")}
        </Button>
      ) : (
        t("audit.end")
      )}
    </div>
  );
}
