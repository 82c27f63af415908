import type { Pair } from "..";

/** Filters of lists. */
export const filters = {
  "filters.title": ["Filters", "Filtros"],
  "filters.more": ["More filters", "Más filtros"],
  "filters.clear": ["Clear filters", "Quitar filtros"],
  "filters.state": ["State", "Estado"],
  "filters.name": ["Search by name or id", "Buscar por nombre o id"],
  "filters.owner": ["Owner", "Propietario"],
  "filters.owner.help": ["Who queued the job", "Quién encoló el job"],
  "filters.label": ["Label", "Etiqueta"],
  "filters.label.help": ["key=value; several with commas", "clave=valor; varias con comas"],
  "filters.provider": ["Provider", "Provider"],
  "filters.provider.any": ["Any provider", "Cualquier provider"],
  "filters.period": ["Created", "Creado"],
  "filters.period.any": ["At any time", "En cualquier momento"],
  "filters.period.1h": ["In the last hour", "En la última hora"],
  "filters.period.24h": ["In the last 24 hours", "En las últimas 24 horas"],
  "filters.period.7d": ["In the last 7 days", "En los últimos 7 días"],
  "filters.period.30d": ["In the last 30 days", "En los últimos 30 días"],
  "filters.period.own": ["Between two dates", "Entre dos fechas"],
  "filters.after": ["From", "Desde"],
  "filters.before": ["To", "Hasta"],
} as const satisfies Record<string, Pair>;
