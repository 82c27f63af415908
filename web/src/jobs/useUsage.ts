import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "@/api/client";
import { ApiError } from "@/api/errors";
import { keys } from "@/api/keys";
import { isOver, type Job, type UsageSample } from "@/api/types";

const EVERY_MS = 2000;

/** What an attempt used over time; while the job runs, what is new is asked for. */
export function useUsage(job: Job, attempt: number) {
  const client = useQueryClient();
  const key = keys.jobUsage(job.id, attempt);
  const live = !isOver(job.state) && attempt === job.attempt;
  return useQuery({
    queryKey: key,
    enabled: attempt > 0,
    refetchInterval: live ? EVERY_MS : false,
    retry: (count, error) => error instanceof ApiError && error.isPassing && count < 3,
    queryFn: async ({ signal }) => {
      const before = client.getQueryData<UsageSample[]>(key) ?? [];
      const query = { attempt, since: before.at(-1)?.time };
      const found = await api<UsageSample[]>(`/jobs/${encodeURIComponent(job.id)}/usage`, { query, signal });
      const last = before.at(-1)?.time ?? "";
      return [...before, ...found.filter(({ time }) => time > last)];
    },
  });
}

/** Per second, from counters that only rise; a counter that falls begins anew. */
export function rates(times: readonly number[], counters: readonly (number | null)[]): (number | null)[] {
  return counters.map((count, at) => {
    const before = at === 0 ? null : (counters[at - 1] ?? null);
    const seconds = at === 0 ? 0 : (times[at]! - times[at - 1]!) / 1000;
    return count === null || before === null || seconds <= 0 ? null : Math.max(0, count - before) / seconds;
  });
}
