import type { Pair } from "..";

/** Pages about jobs: list, form, details. */
export const jobs = {
  "jobs.title": ["Jobs", "Jobs"],
  "jobs.new.title": ["New job", "Nuevo job"],
} as const satisfies Record<string, Pair>;
