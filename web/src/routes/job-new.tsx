import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Job } from "@/api/types";
import { useWords } from "@/i18n";
import { draftOf, EMPTY } from "@/form/draft";
import { JobForm } from "@/form/JobForm";
import { readable } from "@/operations/reading";
import { Card, ErrorPanel, PageHead, Skeleton } from "@/parts";

/** The form for a job, empty or filled from one that is there. */
export default function NewJob() {
  const { t } = useWords();
  const { from } = useSearch({ from: "/jobs/new" });
  const model = useQuery({
    queryKey: keys.job(from ?? ""),
    queryFn: ({ signal }) => api<Job>(`/jobs/${encodeURIComponent(from ?? "")}`, { signal }),
    enabled: from !== undefined,
  });
  const title = model.data ? t("form.title.clone", { name: readable(model.data.name ?? "") || model.data.id }) : t("form.title");
  if (from !== undefined && model.data === undefined)
    return (
      <>
        <PageHead title={t("form.title")} />
        {model.error ? <ErrorPanel error={model.error} onRetry={() => void model.refetch()} /> : <Card><Skeleton lines={8} /></Card>}
      </>
    );
  return (
    <>
      <PageHead title={title} />
      <JobForm key={from ?? ""} initial={model.data ? draftOf(model.data.spec) : EMPTY} />
    </>
  );
}
