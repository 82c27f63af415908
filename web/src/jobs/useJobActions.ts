import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import type { Job } from "@/api/types";
import { useWords } from "@/i18n";
import { toast, useErrorText } from "@/parts";

const AT_ONCE = 6;

export const cancelJob = (id: string) => api<Job>(`/jobs/${encodeURIComponent(id)}/cancel`, { method: "POST", body: {} });
export const retryJob = (id: string) => api<Job>(`/jobs/${encodeURIComponent(id)}/retry`, { method: "POST", body: {} });

/** Do the same with many jobs, a few at a time, and tell once what came of it. */
export function useJobActions() {
  const { t } = useWords();
  const text = useErrorText();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);

  const all = async (ids: readonly string[], act: (id: string) => Promise<Job>, word: "jobs.cancel.done" | "jobs.retry.done") => {
    setBusy(true);
    const done: Job[] = [];
    const refused: unknown[] = [];
    const waiting = [...ids];
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        try {
          done.push(await act(id));
        } catch (error) {
          refused.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setBusy(false);
    if (done.length > 0) toast(t(word, { n: done.length }));
    if (refused.length > 0) toast(t("jobs.failed.n", { n: refused.length, why: text(refused[0]) }), "bad");
    await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "jobs" || queryKey[0] === "job" });
    return done;
  };

  return {
    busy,
    cancel: (ids: readonly string[]) => all(ids, cancelJob, "jobs.cancel.done"),
    retry: (ids: readonly string[]) => all(ids, retryJob, "jobs.retry.done"),
  };
}
