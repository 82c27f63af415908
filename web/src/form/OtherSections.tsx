import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Constraint, Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, Card, Checkbox, classes, controlClass, FieldError, IconButton } from "@/parts";
import { ChoiceField, SpanField, TextField } from "./fields";
import { PairsEditor } from "./PairsEditor";
import { useForm } from "./useDraft";

const grid = "grid grid-cols-2 gap-4 lg:grid-cols-3";

export function ResourcesSection() {
  const { t } = useWords();
  const { draft, set } = useForm();
  const none = t("form.not-asked");
  return (
    <Card title={t("form.resources")}>
      <div className={grid}>
        <TextField of="cpu_cores" path="resources.cpu_cores" label={t("form.cpu")} inputMode="decimal" placeholder={none} />
        <TextField of="memory_mib" path="resources.memory_mib" label={t("form.memory")} inputMode="numeric" placeholder={none} />
        <TextField of="storage_mib" path="resources.storage_mib" label={t("form.storage")} inputMode="numeric" placeholder={none} />
        <ChoiceField of="architecture" path="resources.architecture" label={t("form.architecture")}>
          <option value="">{t("form.any")}</option>
          <option>x86_64</option>
          <option>arm64</option>
        </ChoiceField>
        <Checkbox label={t("form.gpu")} checked={draft.gpu !== ""} onChange={(event) => set({ gpu: event.target.checked ? "1" : "" })} className="self-center pt-5" />
        {draft.gpu !== "" && <TextField of="gpu" path="resources.gpu" label={t("form.gpu.count")} inputMode="numeric" />}
      </div>
    </Card>
  );
}

export function ClocksSection() {
  const { t } = useWords();
  return (
    <Card title={t("form.clocks")}>
      <div className={grid}>
        <SpanField of="execution" path="timeout_ms" label={t("form.timeout")} help={t("form.timeout.help")} placeholder="120000" />
        <SpanField of="queue" path="timeouts.queue_ms" label={t("form.timeout.queue")} />
        <SpanField of="no_output" path="timeouts.no_output_ms" label={t("form.timeout.silence")} />
        <SpanField of="total" path="timeouts.total_ms" label={t("form.timeout.total")} help={t("form.timeout.total.help")} />
        <SpanField of="grace" path="timeouts.grace_ms" label={t("form.timeout.grace")} help={t("form.timeout.grace.help")} placeholder="10s" />
      </div>
      <p className="mt-3 text-xs text-muted">{t("form.clocks.help")}</p>
    </Card>
  );
}

export function PreferencesSection() {
  const { t } = useWords();
  const providers = useQuery({ queryKey: keys.providers(), queryFn: ({ signal }) => api<Provider[]>("/providers", { signal }) });
  const { draft } = useForm();
  const names = [...new Set([...(providers.data ?? []).map(({ name }) => name), ...(draft.provider ? [draft.provider] : [])])];
  const regions = [...new Set((providers.data ?? []).map(({ region }) => region).filter(Boolean))] as string[];
  return (
    <Card title={t("form.preferences")}>
      <div className={grid}>
        <ChoiceField of="provider" path="provider" label={t("form.provider")}>
          <option value="">{t("form.any")}</option>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </ChoiceField>
        <TextField of="region" path="region" label={t("form.region")} placeholder={t("form.region.auto")} list="regions" />
        <datalist id="regions">
          {regions.map((region) => (
            <option key={region} value={region} />
          ))}
        </datalist>
        <ChoiceField of="priority" path="priority" label={t("form.priority")}>
          {(["low", "normal", "high", "critical"] as const).map((priority) => (
            <option key={priority} value={priority}>
              {t(`form.priority.${priority}`)}
            </option>
          ))}
        </ChoiceField>
        <TextField of="max_budget" path="max_budget" label={t("form.budget")} inputMode="decimal" optional />
      </div>
      <Constraints />
    </Card>
  );
}

const OPERATORS: readonly Constraint["operator"][] = ["Eq", "Ne", "Gt", "Lt", "In", "NotIn"];

function Constraints() {
  const { t } = useWords();
  const { draft, set, errorOf } = useForm();
  const change = (at: number, part: Partial<(typeof draft.constraints)[number]>) =>
    set({ constraints: draft.constraints.map((one, index) => (index === at ? { ...one, ...part } : one)) });
  return (
    <fieldset className="mt-4 flex flex-col gap-2">
      <legend className="mb-1 text-sm font-medium">{t("form.constraints")}</legend>
      {draft.constraints.map(({ key, operator, values }, at) => {
        const number = at + 1;
        const error = errorOf(`constraints.${at}`);
        return (
          <div key={at}>
            <div className="grid grid-cols-[1fr_9rem_1fr_auto] items-center gap-2 max-sm:grid-cols-[1fr_auto]">
              <input name={`constraints.${at}`} aria-label={t("form.constraints.key", { number })} aria-invalid={error ? true : undefined} placeholder="zone" value={key} onChange={(event) => change(at, { key: event.target.value })} className={classes(controlClass, "font-mono")} />
              <select aria-label={t("form.constraints.operator", { number })} value={operator} onChange={(event) => change(at, { operator: event.target.value as Constraint["operator"] })} className={controlClass}>
                {OPERATORS.map((one) => (
                  <option key={one} value={one}>
                    {t(`form.op.${one}`)}
                  </option>
                ))}
              </select>
              <input name={`constraints.${at}`} aria-label={t("form.constraints.values", { number })} aria-invalid={error ? true : undefined} placeholder="eu-1" value={values} onChange={(event) => change(at, { values: event.target.value })} className={classes(controlClass, "font-mono")} />
              <IconButton size="sm" label={t("action.remove", { name: key || String(number) })} onClick={() => set({ constraints: draft.constraints.filter((_, index) => index !== at) })}>
                <X size={16} aria-hidden />
              </IconButton>
            </div>
            <FieldError error={error} />
          </div>
        );
      })}
      <FieldError error={errorOf("constraints")} />
      <div className="flex flex-wrap items-center gap-3">
        <Button size="sm" icon={<Plus size={14} aria-hidden />} onClick={() => set({ constraints: [...draft.constraints, { key: "", operator: "Eq", values: "" }] })}>
          {t("form.constraints.add")}
        </Button>
        <span className="text-xs text-muted">{t("form.constraints.help")}</span>
      </div>
    </fieldset>
  );
}

export function RetrySection() {
  const { t } = useWords();
  const { draft, set } = useForm();
  const any = t("form.retry.any");
  return (
    <Card title={t("form.retry-section")}>
      <div className="flex flex-col gap-4">
        <Checkbox label={t("form.retry")} help={t("form.retry.help")} checked={draft.allow_retry} onChange={(event) => set({ allow_retry: event.target.checked })} />
        {draft.allow_retry && (
          <div className={grid}>
            <TextField of="max_attempts" path="retry.max_attempts" label={t("form.retry.max")} inputMode="numeric" />
            <SpanField of="initial" path="retry.initial_ms" label={t("form.retry.initial")} placeholder="1s" />
            <SpanField of="maximum" path="retry.maximum_ms" label={t("form.retry.maximum")} placeholder="5m" />
            <TextField of="factor" path="retry.factor" label={t("form.retry.factor")} inputMode="decimal" placeholder="2" />
            <TextField of="jitter" path="retry.jitter" label={t("form.retry.jitter")} inputMode="decimal" placeholder="0.2" />
            <TextField of="exit_codes" path="retry.exit_codes" label={t("form.retry.exit-codes")} help={t("form.commas")} placeholder={any} />
            <TextField of="signals" path="retry.signals" label={t("form.retry.signals")} help={t("form.commas")} placeholder={any} />
            <TextField of="reasons" path="retry.reasons" label={t("form.retry.reasons")} help={t("form.commas")} placeholder={any} />
          </div>
        )}
        <ChoiceField of="on_worker_lost" path="on_worker_lost" label={t("form.lost")} help={t("form.lost.help")} className="max-w-xs">
          {(["retry", "fail", "hold"] as const).map((policy) => (
            <option key={policy} value={policy}>
              {t(`form.lost.${policy}`)}
            </option>
          ))}
        </ChoiceField>
      </div>
    </Card>
  );
}

export function LabelsSection() {
  const { t } = useWords();
  const { draft, set, errorOf } = useForm();
  return (
    <Card title={t("form.labels-section")}>
      <div className="flex flex-col gap-4">
        <fieldset>
          <legend className="sr-only">{t("form.labels")}</legend>
          <PairsEditor of="labels" pairs={draft.labels} onChange={(labels) => set({ labels })} errorOf={(row) => errorOf(`labels.${row}`)} />
          <FieldError error={errorOf("labels")} />
          <p className="mt-1.5 text-xs text-muted">{t("form.labels.help")}</p>
        </fieldset>
        <TextField of="tags" path="tags" label={t("form.tags")} help={t("form.commas")} placeholder="nightly, report" optional />
        <Checkbox label={t("form.drop-logs")} help={t("form.drop-logs.help")} checked={draft.drop_logs} onChange={(event) => set({ drop_logs: event.target.checked })} />
      </div>
    </Card>
  );
}
