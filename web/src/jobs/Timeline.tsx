import { useQuery } from "@tanstack/react-query";
import { Check, LoaderCircle, X } from "lucide-react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Job, Phase } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, classes, Duration, ErrorPanel, Skeleton, useNow } from "@/parts";

/** What a job spent its time on, phase by phase, with bars on one scale. */
export function Timeline({ job }: { job: Job }) {
  const { t } = useWords();
  const phases = useQuery({
    queryKey: keys.jobTimeline(job.id),
    queryFn: ({ signal }) => api<Phase[]>(`/jobs/${encodeURIComponent(job.id)}/timeline`, { signal }),
  });
  const open = (phases.data ?? []).some(({ ended_at }) => ended_at === null);
  const now = useNow(open);
  const content = () => {
    if (phases.error && !phases.data) return <ErrorPanel error={phases.error} onRetry={() => void phases.refetch()} />;
    if (!phases.data) return <Skeleton lines={4} />;
    const begin = Math.min(...phases.data.map((p) => Date.parse(p.started_at)));
    const end = Math.max(now, ...phases.data.map((p) => (p.ended_at === null ? now : Date.parse(p.ended_at))).filter(() => open), begin + 1);
    const last = open ? end : Math.max(begin + 1, ...phases.data.map((p) => Date.parse(p.ended_at ?? p.started_at)));
    const many = job.attempt > 1;
    return (
      <ol className="flex flex-col">
        {phases.data.map((phase, at) => (
          <Step
            key={`${phase.attempt}:${phase.phase}:${phase.started_at}`}
            phase={phase}
            heading={many && phase.attempt > 0 && phase.attempt !== phases.data[at - 1]?.attempt ? t("job.attempt.n", { number: phase.attempt }) : null}
            from={(Date.parse(phase.started_at) - begin) / (last - begin)}
            to={((phase.ended_at === null ? last : Date.parse(phase.ended_at)) - begin) / (last - begin)}
            isLast={at === phases.data.length - 1}
          />
        ))}
      </ol>
    );
  };
  return <Card title={t("job.timeline")}>{content()}</Card>;
}

function Step({ phase, heading, from, to, isLast }: { phase: Phase; heading: string | null; from: number; to: number; isLast: boolean }) {
  const { t, format } = useWords();
  const open = phase.ended_at === null;
  const tone = phase.failed ? "bg-bad" : open ? "bg-busy" : "bg-good";
  return (
    <li>
      {heading && <p className="mb-1 mt-2 text-xs font-semibold text-muted first:mt-0">{heading}</p>}
      <div className="grid grid-cols-[1.5rem_minmax(0,1fr)_6.5rem] gap-x-2">
        <div className="flex flex-col items-center">
          <span className={classes("mt-0.5 grid size-5 place-items-center rounded-full text-surface", tone)}>
            {phase.failed ? <X size={13} aria-hidden /> : open ? <LoaderCircle size={13} className="animate-spin [animation-duration:2s]" aria-hidden /> : <Check size={13} aria-hidden />}
          </span>
          {!isLast && <span aria-hidden className="w-px flex-1 bg-line" />}
        </div>
        <div className="min-w-0 pb-3">
          <p className="text-sm font-medium">
            {t(`job.phase.${phase.phase}`)}
            {phase.failed && <span className="ml-1.5 text-xs font-medium text-bad">{t("job.phase.failed")}</span>}
            {open && <span className="ml-1.5 text-xs text-busy">{t("job.phase.now")}</span>}
          </p>
          {phase.detail && phase.detail !== "exit" && <p className="break-words text-xs text-muted">{phase.detail}</p>}
          <div aria-hidden className="mt-1 h-1 rounded-full bg-sunken">
            <div className={classes("h-full min-w-1 rounded-full", tone)} style={{ marginLeft: `min(${from * 100}%, 100% - 0.25rem)`, width: `${Math.max(0, to - from) * 100}%` }} />
          </div>
        </div>
        <span className="text-right text-sm text-muted" title={format.moment(phase.started_at)}>
          <Duration from={phase.started_at} to={phase.ended_at} ms={phase.duration_ms} />
        </span>
      </div>
    </li>
  );
}
