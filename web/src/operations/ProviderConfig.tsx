import { type FormEvent, useState } from "react";
import { apiTagged } from "@/api/client";
import { ApiError } from "@/api/errors";
import type { PoolRules, Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, Card, ErrorPanel, toast } from "@/parts";
import { providerPath } from "./ProviderActions";
import { CommonFields, PlacementFields, RuleFields, SettingFields } from "./ProviderFields";
import { typeName } from "./providers";
import { useChange, useProviderTypes, useScheduler } from "./queries";
import { type Errors, errorsOf, OWN, ownBody, ownTexts, readSettings, RULE_TIMES, RULES, splitList, type Texts, toText } from "./settings";

type Known = { value: Provider; etag: string | null };
type Props = { known: Known; onSaved: (name: string) => void };

/** Changes a provider. It is refused when somebody else changed it since it was shown here. */
export function ProviderConfig({ known, onSaved }: Props) {
  const [shown, setShown] = useState(known);
  const reload = () => void readAgain(shown.value).then(setShown);
  const saved = (now: Known) => {
    setShown(now);
    onSaved(now.value.name);
  };
  return <Form key={shown.etag} shown={shown} onReload={reload} onSaved={saved} />;
}

const readAgain = (provider: Provider) => apiTagged<Provider>(providerPath(provider));

/** What the form changes, as text. The rest of a provider, its workers, changes all the time. */
const changeable = ({ name, max_workers, priority, tags, config, pool, own }: Provider) =>
  JSON.stringify([name, max_workers, priority, tags, Object.entries(config).sort(), pool, own]);

const isStale = (error: unknown) => error instanceof ApiError && error.status === 412;

/** Send a change for what was shown; once more if only something else of the provider is different by now. */
async function send(shown: Known, body: object, tries = 3): Promise<Known> {
  const { value, etag } = shown;
  try {
    return await apiTagged<Provider>(providerPath(value), { method: "PATCH", body, headers: etag ? { "If-Match": etag } : {} });
  } catch (error) {
    if (!isStale(error) || tries <= 1) throw error;
    const now = await readAgain(value);
    if (changeable(now.value) !== changeable(value)) throw error;
    return send(now, body, tries - 1);
  }
}

type FormProps = { shown: Known; onReload: () => void; onSaved: (now: Known) => void };

function Form({ shown, onReload, onSaved }: FormProps) {
  const provider = shown.value;
  const { t } = useWords();
  const types = useProviderTypes();
  const scheduler = useScheduler();
  const settings = types.data?.find(({ type }) => type === provider.type)?.settings ?? [];
  const [edits, setEdits] = useState<Texts>({});
  const [errors, setErrors] = useState<Errors>({});
  const texts = { ...textsOf(provider, settings), ...edits };
  const save = useChange((body: object) => send(shown, body), "providers", "system", "audit");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readSettings(settings, texts, t);
    const own = readSettings(OWN, texts, t);
    const found = { ...read.errors, ...own.errors, ...numberErrors(texts, t("providers.number.bad")) };
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    save.mutate({ ...bodyOf(texts, read.config), ...ownBody(own.config) }, {
      onSuccess: (now) => {
        toast(t("providers.saved", { name: now.value.name }));
        onSaved(now);
      },
      onError: (error) => setErrors(atFields(errorsOf(error))),
    });
  };
  const change = (name: string, text: string) => setEdits({ ...edits, [name]: text });
  const stale = isStale(save.error);
  const fields = { texts, errors, onChange: change };
  return (
    <form onSubmit={submit} className="flex max-w-3xl flex-col gap-5" noValidate>
      <Card title={t("providers.details")}>
        <CommonFields {...fields} />
      </Card>
      <Card title={t("providers.placement")}>
        <PlacementFields {...fields} />
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
    ...ownTexts(provider.own),
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
