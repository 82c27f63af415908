import { lazy, Suspense } from "react";
import type { JobState } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, ErrorPanel, PageHead, Skeleton } from "@/parts";
import { FirstJob } from "@/operations/FirstJob";
import { HealthCard } from "@/operations/HealthCard";
import { useQueue, useSummary } from "@/operations/queries";
import { RecentJobs } from "@/operations/RecentJobs";
import { JobStat } from "@/operations/Stat";

const FinishedChart = lazy(() => import("@/operations/FinishedChart"));

export default function Overview() {
  const { t } = useWords();
  const queue = useQueue();
  const counts = queue.data?.by_state;
  const total = counts && Object.values(counts).reduce((sum, n) => sum + n, 0);
  return (
    <>
      <PageHead title={t("overview.title")} />
      {queue.error && !queue.data && (
        <div className="mb-5">
          <ErrorPanel error={queue.error} onRetry={() => void queue.refetch()} />
        </div>
      )}
      {total !== 0 && <Totals counts={counts} total={total} />}
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,3fr)_minmax(20rem,2fr)]">
        {total === 0 ? (
          <FirstJob />
        ) : (
          <div className="flex min-w-0 flex-col gap-5">
            <RecentJobs />
            <Trend />
          </div>
        )}
        <HealthCard />
      </div>
    </>
  );
}

const TILES = [
  { word: "overview.total", states: [], tone: "wait" },
  { word: "state.RUNNING", states: ["RUNNING"], tone: "busy" },
  { word: "metrics.failed", states: ["FAILED", "TIMEOUT"], tone: "bad" },
  { word: "state.SUCCEEDED", states: ["SUCCEEDED"], tone: "good" },
] as const;

function Totals({ counts, total }: { counts: Partial<Record<JobState, number>> | undefined; total: number | undefined }) {
  const { t, format } = useWords();
  const day = useSummary("24h").data;
  const sum = (of: Partial<Record<JobState, number>>, states: readonly JobState[]) => states.reduce((all, state) => all + (of[state] ?? 0), 0);
  const note = (states: readonly JobState[]) => {
    if (counts === undefined) return undefined;
    if (states[0] === "RUNNING") return t("overview.waiting", { n: (counts.PENDING ?? 0) + (counts.SCHEDULED ?? 0) });
    if (day === undefined) return undefined;
    return t("overview.last-day", { n: states.length === 0 ? day.submitted : sum(day.jobs_by_state, states) });
  };
  return (
    <div className="mb-5 grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-5">
      {TILES.map(({ word, states, tone }) => (
        <JobStat
          key={word}
          states={[...states]}
          tone={tone}
          label={t(word)}
          value={counts === undefined ? "…" : format.number(states.length === 0 ? (total ?? 0) : sum(counts, states))}
          note={note(states)}
        />
      ))}
    </div>
  );
}

/** Jobs that ended in the last 24 hours; left out where the server keeps no such counts. */
function Trend() {
  const { t } = useWords();
  const summary = useSummary("24h");
  if (summary.error) return null;
  return (
    <Card title={t("overview.trend")}>
      <Suspense fallback={<Skeleton lines={5} />}>
        <FinishedChart range="24h" height={170} />
      </Suspense>
    </Card>
  );
}
