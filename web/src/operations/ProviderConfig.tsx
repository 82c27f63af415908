import { type FormEvent, useState } from "react";
import { apiTagged } from "@/api/client";
import { ApiError } from "@/api/errors";
import type { PoolRules, Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, Card, ErrorPanel, toast } from "@/parts";
import { providerPath } from "./ProviderActions";
import { CommonFields, RuleFields, SettingFields } from "./ProviderFields";
import { typeName } from "./providers";
import { useChange, useProviderTypes, useScheduler } from "./queries";
import { type Errors, errorsOf, readSettings, RULE_TIMES, RULES, splitList, type Texts, toText } from "./settings";

type Props = { provider: Provider; etag: string | null; onSaved: (name: string) => void };

/** Changes a provider. It is refused when somebody else changed it since it was shown here. */
export function ProviderConfig(props: Props) {
  const [shown, setShown] = useState(props);
  const reload = () => setShown(props);
  const saved = (value: Provider, etag: string | null) => {
    setShown({ ...props, provider: value, etag });
    props.onSaved(value.name);
  };
  return <Form key={shown.etag} provider={shown.provider} etag={shown.etag} onReload={reload} onSaved={saved} />;
}

type FormProps = { provider: Provider; etag: string | null; onReload: () => void; onSaved: (value: Provider, etag: string | null) => void };

function Form({ provider, etag, onReload, onSaved }: FormProps) {
  const { t } = useWords();
  const types = useProviderTypes();
  const scheduler = useScheduler();
  const settings = types.data?.find(({ type }) => type === provider.type)?.settings ?? [];
  const [edits, setEdits] = useState<Texts>({});
  const [errors, setErrors] = useState<Errors>({});
  const texts = { ...textsOf(provider, settings), ...edits };
  const save = useChange(
    (body: object) => apiTagged<Provider>(providerPath(provider), { method: "PATCH", body, headers: etag ? { "If-Match": etag } : {} }),
    "providers",
    "system",
    "audit",
  );

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readSettings(settings, texts, t);
    const found = { ...read.errors, ...numberErrors(texts, t("providers.number.bad")) };
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    save.mutate(bodyOf(texts, read.config), {
      onSuccess: ({ value, etag }) => {
        toast(t("providers.saved", { name: value.name }));
        onSaved(value, etag);
      },
      onError: (error) => setErrors(atFields(errorsOf(error))),
    });
  };
  const change = (name: string, text: string) => setEdits({ ...edits, [name]: text });
  const stale = save.error instanceof ApiError && save.error.status === 412;
  const fields = { texts, errors, onChange: change };
  return (
    <form onSubmit={submit} className="flex max-w-3xl flex-col gap-5" noValidate>
      <Card title={t("providers.details")}>
        <CommonFields {...fields} />
      </Card>
      <Card title={t("providers.settings", { type: typeName(provider.type) })}>
        <SettingFields settings={settings} {...fields} />
      </Card>
      <Card title={t("providers.rules")}>
        <p className="mb-3 text-sm text-muted">{t("providers.rules.help")}</p>
        <RuleFields scheduler={scheduler.data} {...fields} />
      </Card>
      {save.error && Object.keys(errors).length === 0 && (
        <ErrorPanel error={stale ? new Error(t("providers.changed-meanwhile")) : save.error} />
      )}
      <div className="flex flex-wrap justify-end gap-2">
        {stale && <Button onClick={onReload}>{t("providers.reload")}</Button>}
        <Button disabled={Object.keys(edits).length === 0} onClick={() => setEdits({})}>
          {t("providers.discard")}
        </Button>
        <Button type="submit" look="primary" busy={save.isPending}>
          {t("action.save")}
        </Button>
      </div>
    </form>
  );
}

function textsOf(provider: Provider, settings: Parameters<typeof readSettings>[0]): Texts {
  const texts: Texts = {
    name: provider.name,
    max_workers: String(provider.max_workers),
    priority: String(provider.priority),
    tags: provider.tags.join(", "),
  };
  for (const { name, kind } of settings) texts[name] = toText(kind, provider.config[name]);
  for (const name of RULES) texts[`pool.${name}`] = provider.pool[name]?.toString() ?? "";
  for (const name of RULE_TIMES) texts[`pool.${name}`] = provider.pool[name] === null ? "" : String((provider.pool[name] as number) / 1000);
  return texts;
}

const WHOLE = ["max_workers", "priority", ...RULES.map((name) => `pool.${name}`)];
const SECONDS = RULE_TIMES.map((name) => `pool.${name}`);

function numberErrors(texts: Texts, message: string): Errors {
  const wrong = [
    ...WHOLE.filter((name) => !/^(-?\d+)?$/.test((texts[name] ?? "").trim())),
    ...SECONDS.filter((name) => !/^(\d+(\.\d+)?)?$/.test((texts[name] ?? "").trim())),
  ];
  return Object.fromEntries(wrong.map((name) => [name, message]));
}

const numberOf = (text: string | undefined) => (text === undefined || text.trim() === "" ? null : Number(text));

function bodyOf(texts: Texts, config: Record<string, unknown>): object {
  const pool: Partial<PoolRules> = {};
  for (const name of RULES) pool[name] = numberOf(texts[`pool.${name}`]);
  for (const name of RULE_TIMES) {
    const seconds = numberOf(texts[`pool.${name}`]);
    pool[name] = seconds === null ? null : Math.round(seconds * 1000);
  }
  return {
    name: texts["name"]?.trim(),
    max_workers: numberOf(texts["max_workers"]) ?? 0,
    priority: numberOf(texts["priority"]) ?? 0,
    tags: splitList(texts["tags"] ?? ""),
    config,
    pool,
  };
}

/** The service says `min_idle` of a pool's rules; the field here is `pool.min_idle`. */
function atFields(errors: Errors): Errors {
  const rules: readonly string[] = [...RULES.filter((name) => name !== "max_workers"), ...RULE_TIMES];
  return Object.fromEntries(Object.entries(errors).map(([name, message]) => [rules.includes(name) ? `pool.${name}` : name, message]));
}
