import type { Pair } from "..";

/** Overview, providers, workers, metrics, audit. */
export const operations = {
  "overview.title": ["Overview", "Resumen"],
  "providers.title": ["Providers", "Providers"],
  "providers.new.title": ["New provider", "Nuevo provider"],
  "workers.title": ["Workers", "Workers"],
  "metrics.title": ["Metrics", "Métricas"],
  "audit.title": ["Audit", "Auditoría"],
} as const satisfies Record<string, Pair>;
