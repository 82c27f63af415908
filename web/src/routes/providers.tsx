import { Link } from "@tanstack/react-router";
import { Boxes, Plus } from "lucide-react";
import { useWords } from "@/i18n";
import { ProviderCard } from "@/operations/ProviderCard";
import { useProviders } from "@/operations/queries";
import { buttonClass, Card, EmptyState, ErrorPanel, PageHead, Skeleton } from "@/parts";

export default function Providers() {
  const { t } = useWords();
  const { data, error, refetch } = useProviders();
  const add = (
    <Link to="/providers/new" className={buttonClass({ look: "primary" })}>
      <Plus size={16} aria-hidden />
      {t("providers.add")}
    </Link>
  );
  return (
    <>
      <PageHead title={t("providers.title")} actions={add}>
        <p className="text-sm text-muted">{t("providers.text")}</p>
      </PageHead>
      {error && !data ? (
        <ErrorPanel error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton lines={6} />
      ) : data.length === 0 ? (
        <Card>
          <EmptyState icon={<Boxes size={36} aria-hidden />} title={t("providers.empty.title")} action={add}>
            {t("providers.empty.text")}
          </EmptyState>
        </Card>
      ) : (
        <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
          {data.map((provider) => (
            <ProviderCard key={provider.id} provider={provider} />
          ))}
        </div>
      )}
    </>
  );
}
