import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { Provider as Resource } from "@/api/types";
import { useWords } from "@/i18n";
import { EventsCard } from "@/operations/EventsCard";
import { Id } from "@/operations/Id";
import { Pools } from "@/operations/Pools";
import { ProviderCheck, ProviderRemoval, ProviderSwitch } from "@/operations/ProviderActions";
import { Capacity, costOf, largest } from "@/operations/ProviderCard";
import { ProviderConfig } from "@/operations/ProviderConfig";
import { shownStatus, typeName } from "@/operations/providers";
import { useProvider, useWorkers } from "@/operations/queries";
import { WorkerTable } from "@/operations/WorkerTable";
import { Card, ErrorPanel, Facts, PageHead, RelativeTime, Skeleton, StateBadge, Tabs } from "@/parts";
import { one } from "@/search";

export default function Provider() {
  const { t } = useWords();
  const { providerId } = useParams({ from: "/providers/$providerId" });
  const tab = one(useSearch({ from: "/providers/$providerId" })["tab"]) ?? "overview";
  const navigate = useNavigate();
  const { data, error, refetch } = useProvider(providerId);
  if (error && !data) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={8} />;
  const provider = data.value;
  const go = (to: string) =>
    void navigate({ to: "/providers/$providerId", params: { providerId }, search: to === "overview" ? {} : { tab: to }, replace: true });
  const renamed = (name: string) => {
    if (providerId !== provider.id && providerId !== name)
      void navigate({ to: "/providers/$providerId", params: { providerId: name }, search: { tab: "config" }, replace: true });
  };
  return (
    <>
      <PageHead
        title={provider.name}
        aside={<StateBadge state={shownStatus(provider)} />}
        actions={
          <>
            <ProviderCheck provider={provider} />
            <ProviderSwitch provider={provider} size="md" />
            <ProviderRemoval provider={provider} onDone={() => navigate({ to: "/providers" })} />
          </>
        }
      >
        <p className="text-sm text-muted">{[typeName(provider.type), provider.host].filter(Boolean).join(" · ")}</p>
      </PageHead>
      <Tabs
        label={provider.name}
        value={tab}
        onChange={go}
        tabs={[
          { value: "overview", label: t("providers.tab.overview"), content: <Glance provider={provider} /> },
          {
            value: "config",
            label: t("providers.tab.config"),
            content: <ProviderConfig known={data} onSaved={renamed} />,
          },
          { value: "workers", label: t("providers.tab.workers"), content: <ItsWorkers provider={provider} /> },
          { value: "events", label: t("providers.tab.events"), content: <EventsCard of={provider.id} limit={30} /> },
        ]}
      />
    </>
  );
}

function Glance({ provider }: { provider: Resource }) {
  return (
    <div className="grid items-start gap-5 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-5">
        <Health provider={provider} />
        <Pools provider={provider} />
      </div>
      <Details provider={provider} />
    </div>
  );
}

function Health({ provider }: { provider: Resource }) {
  const { t } = useWords();
  const { health } = provider;
  return (
    <Card title={t("providers.health")}>
      <p className="mb-1 flex flex-wrap items-center gap-2 text-sm">
        <StateBadge state={health.checked_at === null ? "UNKNOWN" : health.healthy ? "HEALTHY" : "UNHEALTHY"} />
        <span className="min-w-0 break-words">{health.reason || t(health.checked_at ? "providers.no-reason" : "providers.unchecked")}</span>
      </p>
      {health.checked_at && (
        <p className="mb-4 text-xs text-muted">
          {t("providers.checked")} <RelativeTime time={health.checked_at} />
        </p>
      )}
      <Capacity provider={provider} />
    </Card>
  );
}

function Details({ provider }: { provider: Resource }) {
  const { t, format } = useWords();
  const { capabilities: can } = provider;
  const pairs = (all: Record<string, string>) => Object.entries(all).map(([name, value]) => `${name}=${value}`);
  return (
    <Card title={t("providers.details")}>
      <Facts
        facts={[
          [t("providers.type"), typeName(provider.type)],
          provider.host !== "" && [t("providers.host"), provider.host],
          provider.region !== "" && [t("providers.region"), provider.region],
          [t("providers.largest"), largest(provider, t, format)],
          [t("providers.architectures"), can.architectures.join(", ") || "–"],
          [t("providers.images"), t(can.images ? "part.yes" : "part.no")],
          provider.cost !== null && [t("providers.cost"), costOf(provider.cost, t, format)],
          [t("providers.gpu"), can.gpu ? can.gpu_types.join(", ") || t("part.yes") : t("part.no")],
          [t("providers.priority"), format.number(provider.priority)],
          provider.tags.length > 0 && [t("providers.tags"), provider.tags.join(", ")],
          [t("providers.labels"), <List items={pairs(provider.labels)} />],
          Object.keys(provider.metadata).length > 0 && [t("providers.metadata"), <List items={pairs(provider.metadata)} />],
          [t("providers.created"), format.moment(provider.created_at)],
          [t("providers.updated"), <RelativeTime time={provider.updated_at} />],
          [t("providers.id"), <Id id={provider.id} />],
        ]}
      />
    </Card>
  );
}

function List({ items }: { items: string[] }) {
  if (items.length === 0) return <>–</>;
  return (
    <ul className="flex flex-col gap-0.5">
      {items.map((item) => (
        <li key={item} className="break-all font-mono text-xs leading-5">
          {item}
        </li>
      ))}
    </ul>
  );
}

function ItsWorkers({ provider }: { provider: Resource }) {
  const { t } = useWords();
  const { data, error, refetch } = useWorkers({ provider: provider.id });
  if (error && !data) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={4} />;
  return (
    <Card flush>
      {data.length === 0 ? <p className="px-4 py-6 text-sm text-muted">{t("providers.no-workers")}</p> : <WorkerTable workers={data} provider={false} />}
    </Card>
  );
}
