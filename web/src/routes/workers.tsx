import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity } from "lucide-react";
import { useWords } from "@/i18n";
import { useProviders, useWorkers } from "@/operations/queries";
import { WorkerTable } from "@/operations/WorkerTable";
import { buttonClass, Card, Checkbox, EmptyState, ErrorPanel, Field, PageHead, Select, Skeleton, useStateName } from "@/parts";
import { many, one } from "@/search";

const STATES = ["CREATING", "CONNECTING", "READY", "BUSY", "DRAINING", "TERMINATING"];

export default function Workers() {
  const { t } = useWords();
  const search = useSearch({ from: "/workers" });
  const navigate = useNavigate();
  const states = many(search["state"]);
  const ended = states.includes("TERMINATED");
  const state = states.find((one) => one !== "TERMINATED") ?? "";
  const provider = one(search["provider"]) ?? "";
  const { data, error, refetch } = useWorkers({ state: asked(state, ended), provider });
  const set = (change: { state?: string; ended?: boolean; provider?: string }) => {
    const next = { state, ended, provider, ...change };
    void navigate({
      to: "/workers",
      search: { state: [next.state, next.ended ? "TERMINATED" : ""].filter(Boolean), provider: next.provider || undefined },
      replace: true,
    });
  };
  const filtered = state !== "" || provider !== "";
  return (
    <>
      <PageHead title={t("workers.title")} aside={data && <span className="text-sm text-muted">{t("workers.count", { n: data.length })}</span>} />
      <Filters {...{ state, ended, provider }} onChange={set} />
      {error && !data ? (
        <ErrorPanel error={error} onRetry={() => void refetch()} />
      ) : (
        <Card flush>
          {data === undefined ? (
            <Skeleton lines={6} className="p-4" />
          ) : data.length > 0 ? (
            <WorkerTable workers={data} />
          ) : (
            <EmptyState
              icon={<Activity size={36} aria-hidden />}
              title={t(filtered ? "workers.empty.filtered" : "workers.empty.title")}
              action={
                <Link to="/jobs/new" className={buttonClass({ look: "primary" })}>
                  {t("nav.new-job")}
                </Link>
              }
            >
              {t("workers.empty.text")}
            </EmptyState>
          )}
        </Card>
      )}
    </>
  );
}

/** The service tells those that are no more only where it is asked for them by state. */
function asked(state: string, ended: boolean): string[] {
  if (!ended) return state === "" ? [] : [state];
  return state === "" ? [...STATES, "TERMINATED"] : [state, "TERMINATED"];
}

type Chosen = { state: string; ended: boolean; provider: string };

function Filters({ state, ended, provider, onChange }: Chosen & { onChange: (change: Partial<Chosen>) => void }) {
  const { t } = useWords();
  const name = useStateName();
  const providers = useProviders().data ?? [];
  return (
    <div className="mb-4 grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap">
      <Field label={t("workers.state")} className="sm:w-44">
        <Select value={state} onChange={(event) => onChange({ state: event.target.value })}>
          <option value="">{t("workers.any-state")}</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {name(one === "READY" ? "IDLE" : one)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("workers.provider")} className="sm:w-44">
        <Select value={provider} onChange={(event) => onChange({ provider: event.target.value })}>
          <option value="">{t("workers.any-provider")}</option>
          {providers.map((one) => (
            <option key={one.id} value={one.name}>
              {one.name}
            </option>
          ))}
        </Select>
      </Field>
      <Checkbox className="max-sm:col-span-2 sm:min-h-9 sm:items-center" checked={ended} onChange={(event) => onChange({ ended: event.target.checked })} label={t("workers.ended")} />
    </div>
  );
}
