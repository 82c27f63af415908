import type { Pair } from "..";

/** Filters of lists. */
export const filters = {
  "filters.title": ["Filters", "Filtros"],
  "filters.clear": ["Clear filters", "Quitar filtros"],
} as const satisfies Record<string, Pair>;
