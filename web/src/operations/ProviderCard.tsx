import { Link } from "@tanstack/react-router";
import type { Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, Facts, RelativeTime, StateBadge } from "@/parts";
import { Meter } from "./Meter";
import { ProviderSwitch } from "./ProviderActions";
import { shownStatus, typeName } from "./providers";

/** A provider at a glance: whether it works and why not, how full it is, what it can take. */
export function ProviderCard({ provider }: { provider: Provider }) {
  const { t, format } = useWords();
  const { health } = provider;
  return (
    <Card className="flex flex-col [&>div]:flex [&>div]:flex-1 [&>div]:flex-col">
      <div className="mb-3 flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="truncate font-semibold">
            <Link to="/providers/$providerId" params={{ providerId: provider.name }} className="hover:text-accent hover:underline">
              {provider.name}
            </Link>
          </h2>
          <p className="truncate text-xs text-muted">
            {[typeName(provider.type), provider.host, provider.region].filter(Boolean).join(" · ")}
          </p>
        </div>
        <StateBadge state={shownStatus(provider)} />
      </div>
      <p className="mb-3 break-words text-sm text-muted">
        {health.reason || t(health.checked_at ? "providers.no-reason" : "providers.unchecked")}
        {health.checked_at && (
          <span className="text-faint">
            {" "}
            ({t("providers.checked")} <RelativeTime time={health.checked_at} />)
          </span>
        )}
      </p>
      <div className="mb-4">
        <Capacity provider={provider} />
      </div>
      <Facts
        facts={[
          [t("providers.largest"), largest(provider, t, format)],
          [t("providers.images"), t(provider.capabilities.images ? "part.yes" : "part.no")],
          provider.cost !== null && [t("providers.cost"), costOf(provider.cost, t, format)],
          provider.pools.length > 0 && [t("providers.pools"), format.number(provider.pools.length)],
        ]}
      />
      <div className="mt-auto flex justify-end pt-4">
        <ProviderSwitch provider={provider} />
      </div>
    </Card>
  );
}

type Words = ReturnType<typeof useWords>;

/** What a worker costs and how long it takes to be there, in words. */
export function costOf(cost: NonNullable<Provider["cost"]>, t: Words["t"], format: Words["format"]): string {
  const price = cost.per_hour > 0 ? t("providers.cost-value", { price: format.number(cost.per_hour) }) : t("providers.no-cost");
  return `${price}, ${t("providers.startup", { time: format.duration(cost.startup_ms) })}`;
}

/** The largest job that a provider takes, in words. */
export function largest(provider: Provider, t: Words["t"], format: Words["format"]): string {
  const { cpu_cores, memory_mib } = provider.capabilities.max_resources;
  if (!cpu_cores || !memory_mib) return t("providers.unlimited");
  return t("providers.largest-value", { cpu: format.number(cpu_cores), memory: format.bytes(memory_mib * 1024 * 1024) });
}

/** How many workers a provider has of those it may have, and what they do. */
export function Capacity({ provider }: { provider: Provider }) {
  const { t } = useWords();
  const { workers } = provider;
  return (
    <>
      <Meter
        label={t("providers.capacity")}
        value={workers.total}
        most={provider.max_workers}
        text={t("providers.of", { used: workers.total, most: provider.max_workers })}
      />
      <p className="mt-1 text-xs text-muted">
        {t("providers.counts", { busy: workers.busy, idle: workers.idle, starting: workers.starting })}
        {workers.going > 0 && `, ${t("providers.going", { n: workers.going })}`}
      </p>
    </>
  );
}
