import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { waitBefore } from "@/api/backoff";
import { address, api } from "@/api/client";
import { keys } from "@/api/keys";
import { readEvents } from "@/api/sse";
import type { Job, UsageSample } from "@/api/types";

/** What an attempt used over time; while it runs and the page is seen, a sample a second is added. */
export function useUsage(job: Job, attempt: number) {
  const client = useQueryClient();
  const path = `/jobs/${encodeURIComponent(job.id)}/usage`;
  const key = keys.jobUsage(job.id, attempt);
  const live = job.state === "RUNNING" && attempt === job.attempt;

  const usage = useQuery({
    queryKey: key,
    enabled: attempt > 0,
    queryFn: async ({ signal }) => {
      const read = await api<UsageSample[]>(path, { query: { attempt }, signal });
      return joined(read, client.getQueryData<UsageSample[]>(key) ?? []);
    },
  });

  useEffect(() => {
    if (!live) return;
    return whileSeen((signal) =>
      readEvents(address(path), {
        signal,
        emit: ({ event, data }) => {
          if (event !== "usage") return;
          const sample = JSON.parse(data) as UsageSample;
          if (sample.attempt === attempt) client.setQueryData<UsageSample[]>(keys.jobUsage(job.id, attempt), (before = []) => joined(before, [sample]));
        },
      }),
    );
  }, [client, job.id, path, attempt, live]);

  return usage;
}

/** Samples in the order of their times, each time once. */
export function joined(before: readonly UsageSample[], added: readonly UsageSample[]): UsageSample[] {
  const last = before.at(-1)?.time ?? "";
  if (added.every(({ time }) => time > last)) return [...before, ...added];
  const all = new Map([...before, ...added].map((sample) => [sample.time, sample]));
  return [...all.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
}

/** Read a stream again and again, not while the page is hidden. */
function whileSeen(read: (signal: AbortSignal) => Promise<number>): () => void {
  let current: AbortController | null = null;
  let timer: number | null = null;
  let attempt = 0;
  const stop = () => {
    current?.abort();
    current = null;
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
  };
  const start = () => {
    stop();
    const mine = new AbortController();
    current = mine;
    void read(mine.signal)
      .catch(() => undefined)
      .then(() => {
        if (current === mine) timer = window.setTimeout(start, waitBefore(attempt++));
      });
  };
  const onVisibility = () => (document.hidden ? stop() : start());
  document.addEventListener("visibilitychange", onVisibility);
  if (!document.hidden) start();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    stop();
  };
}

/** Per second, from counters that only rise; a counter that falls begins anew. */
export function rates(times: readonly number[], counters: readonly (number | null)[]): (number | null)[] {
  return counters.map((count, at) => {
    const before = at === 0 ? null : (counters[at - 1] ?? null);
    const seconds = at === 0 ? 0 : (times[at]! - times[at - 1]!) / 1000;
    return count === null || before === null || seconds <= 0 ? null : Math.max(0, count - before) / seconds;
  });
}
