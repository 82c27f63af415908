/** Query keys. The first word is what api/live.ts makes old when an event arrives. */
import type { Query } from "./client";

export const keys = {
  jobs: (filter: Query) => ["jobs", filter] as const,
  job: (id: string) => ["job", id] as const,
  jobTimeline: (id: string) => ["job", id, "timeline"] as const,
  jobUsage: (id: string, attempt: number) => ["job", id, "usage", attempt] as const,
  jobTail: (id: string, attempt: number) => ["job", id, "tail", attempt] as const,
  images: () => ["images"] as const,
  providers: () => ["providers"] as const,
  provider: (id: string) => ["providers", id] as const,
  providerTypes: () => ["provider-types"] as const,
  workers: (filter: Query) => ["workers", filter] as const,
  worker: (id: string) => ["workers", "one", id] as const,
  workerLogs: (id: string) => ["workers", "logs", id] as const,
  scheduler: () => ["scheduler"] as const,
  queue: () => ["queue"] as const,
  audit: (filter: Query) => ["audit", filter] as const,
  system: () => ["system"] as const,
  metrics: (name: string, filter: Query) => ["metrics", name, filter] as const,
};
