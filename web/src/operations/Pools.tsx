import type { Pool, PoolRules, Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Card } from "@/parts";

/** The pools of a provider: for which image, how many kept ready, how long they live. */
export function Pools({ provider }: { provider: Provider }) {
  const { t } = useWords();
  const rules = useRules();
  const own = rules(provider.pool);
  return (
    <Card title={t("providers.pools")}>
      {provider.pools.length === 0 && own.length === 0 ? (
        <p className="text-sm text-muted">{t("providers.pool.none")}</p>
      ) : (
        <ul className="flex flex-col gap-2.5 text-sm">
          {own.length > 0 && <Line name={t("providers.pool.any")} rules={own} />}
          {provider.pools.map((pool) => (
            <Line key={JSON.stringify([pool.image, pool.resources])} name={nameOf(pool, t("providers.pool.any"))} rules={rules(pool.rules)} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Line({ name, rules }: { name: string; rules: string[] }) {
  const { t } = useWords();
  return (
    <li className="min-w-0">
      <span className="block break-all font-mono text-xs">{name}</span>
      <span className="text-muted">{rules.length > 0 ? rules.join(", ") : t("providers.pool.default")}</span>
    </li>
  );
}

function nameOf({ image, resources }: Pool, any: string): string {
  const asked = [
    resources.cpu_cores ? `${resources.cpu_cores} cpu` : "",
    resources.memory_mib ? `${resources.memory_mib} MiB` : "",
    resources.gpu ? `${resources.gpu} gpu` : "",
    resources.architecture ?? "",
  ].filter(Boolean);
  return [image || any, ...asked].join(" · ");
}

function useRules(): (rules: PoolRules) => string[] {
  const { t, format } = useWords();
  return (rules) => {
    const said: [number | null, (value: number) => string][] = [
      [rules.min_idle, (n) => t("providers.pool.idle", { n })],
      [rules.max_workers, (n) => t("providers.pool.most", { n })],
      [rules.max_jobs, (n) => t("providers.pool.jobs", { n })],
      [rules.idle_ttl_ms, (ms) => t("providers.pool.ttl", { time: format.duration(ms) })],
      [rules.max_lifetime_ms, (ms) => t("providers.pool.life", { time: format.duration(ms) })],
      [rules.drain_within_ms, (ms) => t("providers.pool.drain", { time: format.duration(ms) })],
    ];
    return said.flatMap(([value, say]) => (value === null ? [] : [say(value)]));
  };
}
