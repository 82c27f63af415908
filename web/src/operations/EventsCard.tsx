import { Link } from "@tanstack/react-router";
import { useWords } from "@/i18n";
import { Card, ErrorPanel, Skeleton } from "@/parts";
import { Events } from "./Events";
import { useAudit } from "./queries";

/** The newest events of one worker or provider. */
export function EventsCard({ of, limit = 15 }: { of: string; limit?: number }) {
  const { t } = useWords();
  const { data, error, refetch } = useAudit({ correlation_id: of }, limit);
  const records = data?.pages[0]?.items;
  return (
    <Card
      flush
      title={t("workers.events")}
      actions={
        <Link to="/audit" search={{ correlation_id: of }} className="text-sm font-medium text-accent hover:underline">
          {t("action.see-all")}
        </Link>
      }
    >
      <div className="border-t border-line">
        {error && records === undefined ? (
          <div className="p-4">
            <ErrorPanel error={error} onRetry={() => void refetch()} />
          </div>
        ) : records === undefined ? (
          <Skeleton lines={4} className="p-4" />
        ) : records.length === 0 ? (
          <p className="px-4 py-6 text-sm text-muted">{t("audit.empty.title")}</p>
        ) : (
          <Events records={records} about={false} />
        )}
      </div>
    </Card>
  );
}
