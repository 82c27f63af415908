import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import type { Job } from "@/api/types";
import { tokens, tongueOf } from "@/form/highlight";
import { quoteAll } from "@/form/shell";
import { useWords } from "@/i18n";
import { readable } from "@/operations/reading";
import { Button, Card, CopyButton, Facts } from "@/parts";

/** What was asked for, in words. */
export function JobConfig({ job }: { job: Job }) {
  const { t, format } = useWords();
  const { spec } = job;
  const { resources = {}, timeouts = {}, retry } = spec;
  const clock = (ms: number | null | undefined) => (ms ? format.duration(ms) : t("job.not-limited"));
  const asked = (value: number | null | undefined, unit: (n: number) => string) => (value ? unit(value) : t("form.not-asked"));
  const mib = (count: number) => format.bytes(count * 1024 * 1024);
  const rules = [...(retry?.exit_codes ?? []).map((code) => t("jobs.exit", { code: String(code) })), ...(retry?.signals ?? []).map((one) => `${t("job.signal")} ${one}`), ...(retry?.reasons ?? [])];
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <Command job={job} />
        <Environment job={job} />
        {spec.stdin && <Text title={t("job.stdin")} text={spec.stdin} />}
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <Card title={t("job.limits")}>
          <Facts
            facts={[
              [t("form.cpu"), asked(resources.cpu_cores, (n) => format.number(n))],
              [t("job.memory"), asked(resources.memory_mib, mib)],
              [t("job.disk"), asked(resources.storage_mib, mib)],
              Number(resources.gpu ?? 0) > 0 && ["GPU", String(Number(resources.gpu))],
              resources.architecture ? [t("form.architecture"), resources.architecture] : null,
              [t("form.timeout.help"), clock(spec.timeout_ms ?? timeouts.execution_ms)],
              [t("form.timeout.queue"), clock(timeouts.queue_ms)],
              [t("form.timeout.silence"), clock(timeouts.no_output_ms)],
              [t("form.timeout.total"), clock(timeouts.total_ms)],
              [t("form.timeout.grace"), clock(timeouts.grace_ms)],
            ]}
          />
        </Card>
        <Card title={t("job.placement")}>
          <Facts
            facts={[
              [t("job.image"), spec.image ? <span key="i" className="font-mono text-xs">{spec.image}</span> : t("part.none")],
              [t("form.provider"), spec.provider || t("form.any")],
              [t("form.region"), spec.region || t("form.region.auto")],
              [t("form.priority"), t(`form.priority.${spec.priority ?? "normal"}`)],
              spec.max_budget != null && [t("form.budget"), format.number(spec.max_budget)],
              ...(spec.constraints ?? []).map(({ key, operator, values }) => [key, `${t(`form.op.${operator}`)} ${values.join(", ")}`] as const),
            ]}
          />
        </Card>
        <Card title={t("job.retry-rules")}>
          <Facts
            facts={[
              [t("job.retry.attempts"), format.number(retry?.max_attempts ?? 1)],
              (retry?.max_attempts ?? 1) > 1 && [t("job.retry.waits"), `${format.duration(retry?.initial_ms ?? 1000)} × ${format.number(retry?.factor ?? 2)} … ${format.duration(retry?.maximum_ms ?? 300_000)}`],
              rules.length > 0 && [t("job.retry.after"), rules.join(", ")],
              [t("form.lost"), t(`form.lost.${spec.on_worker_lost ?? "retry"}`)],
            ]}
          />
        </Card>
        {(Object.keys(spec.labels ?? {}).length > 0 || (spec.tags ?? []).length > 0 || spec.description) && (
          <Card title={t("job.labels")}>
            <Facts
              facts={[
                spec.description ? [t("job.description"), spec.description] : null,
                ...Object.entries(spec.labels ?? {}),
                (spec.tags ?? []).length > 0 && [t("job.tags"), (spec.tags ?? []).join(", ")],
              ]}
            />
          </Card>
        )}
        <div>
          <CopyButton text={() => JSON.stringify(spec, null, 2)}>{t("job.json")}</CopyButton>
        </div>
      </div>
    </div>
  );
}

export function Command({ job }: { job: Job }) {
  const { t } = useWords();
  const { command, script } = job.spec;
  const text = script ? script.content : Array.isArray(command) ? quoteAll(command) : (command ?? "");
  const interpreter = script?.interpreter ?? "bash";
  const title = script
    ? `${t("job.script", { interpreter })}${script.strict === false ? ` (${t("job.script.lenient")})` : ""}`
    : t("job.command");
  return <Text title={title} text={text} tongue={script ? tongueOf(interpreter) : "shell"} />;
}

const LOOKS = { comment: "text-faint italic", string: "text-good", keyword: "text-step", number: "text-warn", variable: "text-busy", plain: "" };

function Text({ title, text, tongue = "none" }: { title: string; text: string; tongue?: Parameters<typeof tokens>[1] }) {
  return (
    <Card title={title} flush className="overflow-hidden" actions={<CopyButton text={text} />}>
      <pre className="max-h-96 overflow-auto whitespace-pre-wrap break-words border-t border-line bg-term p-4 font-mono text-xs leading-5 text-term-ink">
        {tokens(text, tongue).map(({ kind, text: part }, at) => (
          <span key={at} className={LOOKS[kind]}>{part}</span>
        ))}
      </pre>
    </Card>
  );
}

function Environment({ job }: { job: Job }) {
  const { t } = useWords();
  const [shown, setShown] = useState(false);
  const all = Object.entries(job.spec.env ?? {});
  if (all.length === 0) return null;
  return (
    <Card
      title={t("job.environment")}
      actions={
        <Button size="sm" look="ghost" icon={shown ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />} onClick={() => setShown(!shown)}>
          {t(shown ? "job.hide-values" : "job.show-values")}
        </Button>
      }
    >
      <Facts facts={all.map(([name, value]) => [name, <span key={name} className="font-mono text-xs">{shown ? readable(value) || "\u200b" : "••••••"}</span>] as const)} />
    </Card>
  );
}
