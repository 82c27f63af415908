/** What the pages about the platform ask for. */
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, apiPage, apiTagged, type Query } from "@/api/client";
import { keys } from "@/api/keys";
import type {
  AuditRecord,
  JobSummary,
  MetricsSeries,
  MetricsSummary,
  Provider,
  ProviderType,
  QueueStatus,
  SchedulerSettings,
  System,
  Worker,
  WorkerLog,
} from "@/api/types";

const MINUTE = 60_000;

export const useQueue = () =>
  useQuery({ queryKey: keys.queue(), queryFn: ({ signal }) => api<QueueStatus>("/queue", { signal }) });

/** Uptime and the database's answer change without an event: asked again each half minute. */
export const useSystem = () =>
  useQuery({
    queryKey: keys.system(),
    queryFn: ({ signal }) => api<System>("/system", { signal }),
    refetchInterval: MINUTE / 2,
  });

export const useRecentJobs = (limit: number) =>
  useQuery({
    queryKey: keys.jobs({ limit }),
    queryFn: ({ signal }) => api<JobSummary[]>("/jobs", { query: { limit }, signal }),
  });

export const useProviders = () =>
  useQuery({ queryKey: keys.providers(), queryFn: ({ signal }) => api<Provider[]>("/providers", { signal }) });

/** A provider, with the tag that a change of it must carry. */
export const useProvider = (id: string) =>
  useQuery({
    queryKey: keys.provider(id),
    queryFn: ({ signal }) => apiTagged<Provider>(`/providers/${encodeURIComponent(id)}`, { signal }),
  });

export const useProviderTypes = () =>
  useQuery({
    queryKey: keys.providerTypes(),
    queryFn: ({ signal }) => api<ProviderType[]>("/provider-types", { signal }),
    staleTime: Infinity,
  });

export const useScheduler = () =>
  useQuery({ queryKey: keys.scheduler(), queryFn: ({ signal }) => api<SchedulerSettings>("/scheduler", { signal }) });

export const useWorkers = (filter: Query) =>
  useQuery({
    queryKey: keys.workers(filter),
    queryFn: ({ signal }) => api<Worker[]>("/workers", { query: filter, signal }),
    placeholderData: keepPreviousData,
  });

/** A worker; what it uses comes with its heartbeats, which are no events. */
export const useWorker = (id: string) =>
  useQuery({
    queryKey: keys.worker(id),
    queryFn: ({ signal }) => api<Worker>(`/workers/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) => (state.data?.ended_at === null ? 3000 : false),
  });

export const useWorkerLogs = (id: string, live: boolean) =>
  useQuery({
    queryKey: keys.workerLogs(id),
    queryFn: ({ signal }) => api<WorkerLog>(`/workers/${encodeURIComponent(id)}/logs`, { query: { tail: 500 }, signal }),
    refetchInterval: live ? 5000 : false,
    retry: false,
  });

export const useAudit = (filter: Query, limit = 50) =>
  useInfiniteQuery({
    queryKey: keys.audit({ ...filter, limit }),
    queryFn: ({ pageParam, signal }) =>
      apiPage<AuditRecord>("/audit-logs", { query: { ...filter, limit, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });

export const RANGES = ["1h", "24h", "7d", "30d"] as const;
export type Range = (typeof RANGES)[number];

/** Counts change with every job: asked again by the clock, too, as the server adds them up in passing. */
const live = { staleTime: 10_000, refetchInterval: MINUTE / 4, placeholderData: keepPreviousData } as const;

export const useSummary = (range: Range) =>
  useQuery({
    queryKey: keys.metrics("summary", { range }),
    queryFn: ({ signal }) => api<MetricsSummary>("/metrics/summary", { query: { range }, signal }),
    ...live,
  });

/** The lines of a graph. */
export const useSeries = (name: string, range: Range, by = "") =>
  useQuery({
    queryKey: keys.metrics(name, { range, by }),
    queryFn: ({ signal }) => api<MetricsSeries[]>("/metrics/series", { query: { name, range, by }, signal }),
    ...live,
  });

/** A change; what it is about is asked for again afterwards. */
export function useChange<T, A = void>(change: (asked: A) => Promise<T>, ...touched: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey }) => touched.includes(String(queryKey[0])) }),
  });
}
