import type { ReactNode } from "react";
import type { ProviderSetting, SchedulerSettings } from "@/api/types";
import { useWords } from "@/i18n";
import { Area, Field, Input, Select } from "@/parts";
import { type Errors, RULES, RULE_TIMES, type Texts } from "./settings";

type Props = { texts: Texts; errors: Errors; onChange: (name: string, text: string) => void };

/** What every provider has: its name, how many workers, its turn, its tags. */
export function CommonFields({ texts, errors, onChange }: Props) {
  const { t } = useWords();
  const input = (name: string, more: { inputMode?: "numeric"; required?: boolean } = {}) => (
    <Input name={name} value={texts[name] ?? ""} onChange={(event) => onChange(name, event.target.value)} {...more} />
  );
  return (
    <Grid>
      <Field label={t("providers.name")} error={errors["name"]}>
        {input("name", { required: true })}
      </Field>
      <Field label={t("providers.max-workers")} error={errors["max_workers"]} help={t("providers.max-workers.help")}>
        {input("max_workers", { inputMode: "numeric" })}
      </Field>
      <Field label={t("providers.priority")} error={errors["priority"]} help={t("providers.priority.help")}>
        {input("priority", { inputMode: "numeric" })}
      </Field>
      <Field label={t("providers.tags")} error={errors["tags"]} help={t("providers.tags.help")} optional>
        {input("tags")}
      </Field>
    </Grid>
  );
}

/** Where it is and what it costs: for jobs that ask for a region, a label, or have a budget. */
export function PlacementFields({ texts, errors, onChange }: Props) {
  const { t } = useWords();
  const input = (name: string, more: { inputMode?: "decimal" } = {}) => (
    <Input name={name} value={texts[name] ?? ""} onChange={(event) => onChange(name, event.target.value)} {...more} />
  );
  return (
    <Grid>
      <Field label={t("providers.region")} error={errors["own.region"]} help={t("providers.region.help")} optional>
        {input("own.region")}
      </Field>
      <Field label={t("providers.own-cost")} error={errors["own.cost_per_hour"]} help={t("providers.own-cost.help")} optional>
        {input("own.cost_per_hour", { inputMode: "decimal" })}
      </Field>
      <Field label={t("providers.own-labels")} error={errors["own.labels"]} help={t("providers.own-labels.help")} className="sm:col-span-2" optional>
        <Area name="own.labels" rows={2} value={texts["own.labels"] ?? ""} onChange={(event) => onChange("own.labels", event.target.value)} className="font-mono" />
      </Field>
    </Grid>
  );
}

/** What the service says that a type may be asked for. */
export function SettingFields({ settings, texts, errors, onChange }: Props & { settings: readonly ProviderSetting[] }) {
  const { t } = useWords();
  if (settings.length === 0) return <p className="text-sm text-muted">{t("providers.no-settings")}</p>;
  return (
    <Grid>
      {settings.map(({ name, label, kind, default: usual, help }) => {
        const shared = {
          name: `config.${name}`,
          value: texts[name] ?? "",
          placeholder: usual === null || usual === "" ? undefined : String(usual),
          spellCheck: false,
        };
        const hints = [help, kind === "list" && t("providers.list.help"), kind === "labels" && t("providers.labels.help")];
        return (
          <Field key={name} label={label} error={errors[name]} help={hints.filter(Boolean).join(". ").replace(/\.\. /g, ". ")} optional>
            {kind === "labels" ? (
              <Area {...shared} rows={2} onChange={(event) => onChange(name, event.target.value)} className="font-mono" />
            ) : kind === "flag" ? (
              <Select name={shared.name} value={shared.value} onChange={(event) => onChange(name, event.target.value)}>
                <option value="">{t("part.no")}</option>
                <option value="true">{t("part.yes")}</option>
              </Select>
            ) : (
              <Input
                {...shared}
                inputMode={kind === "number" ? "numeric" : undefined}
                onChange={(event) => onChange(name, event.target.value)}
              />
            )}
          </Field>
        );
      })}
    </Grid>
  );
}

/** What holds for the workers of a provider; empty is what the scheduler says, shown as placeholder. */
export function RuleFields({ texts, errors, onChange, scheduler }: Props & { scheduler: SchedulerSettings | undefined }) {
  const { t } = useWords();
  const usual: Record<string, number | undefined> = {
    min_idle: scheduler?.min_idle,
    idle_ttl_ms: scheduler && scheduler.idle_ttl_ms / 1000,
    max_lifetime_ms: scheduler && scheduler.max_lifetime_ms / 1000,
  };
  return (
    <Grid>
      {[...RULES, ...RULE_TIMES].map((name) => (
        <Field key={name} label={t(`providers.rule.${name}`)} error={errors[`pool.${name}`]} optional>
          <Input
            name={`pool.${name}`}
            inputMode="numeric"
            placeholder={usual[name]?.toString()}
            value={texts[`pool.${name}`] ?? ""}
            onChange={(event) => onChange(`pool.${name}`, event.target.value)}
          />
        </Field>
      ))}
    </Grid>
  );
}

function Grid({ children }: { children: ReactNode }) {
  return <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">{children}</div>;
}
