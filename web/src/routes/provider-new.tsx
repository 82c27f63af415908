import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api } from "@/api/client";
import type { ConnectionTest, Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { CommonFields, PlacementFields, SettingFields } from "@/operations/ProviderFields";
import { typeName } from "@/operations/providers";
import { useChange, useProviderTypes } from "@/operations/queries";
import { type Errors, errorsOf, OWN, ownBody, readSettings, splitList, type Texts } from "@/operations/settings";
import { TestResult } from "@/operations/TestResult";
import { Button, Card, ErrorPanel, Field, PageHead, Select, Skeleton, toast } from "@/parts";

const START: Texts = { name: "", max_workers: "10", priority: "0", tags: "" };

/** A new provider. It is asked whether it answers before it is kept. */
export default function ProviderNew() {
  const { t } = useWords();
  const navigate = useNavigate();
  const types = useProviderTypes();
  const [type, setType] = useState<string | null>(null);
  const [texts, setTexts] = useState(START);
  const [errors, setErrors] = useState<Errors>({});
  const chosen = types.data?.find((one) => one.type === type) ?? types.data?.find((one) => one.available);
  const test = useChange((body: object) => api<ConnectionTest>("/providers/test", { method: "POST", body }));
  const save = useChange((body: object) => api<Provider>("/providers", { method: "POST", body }), "providers", "system", "audit");

  /** The body of the form; null, and errors at the fields, where it makes none. */
  const read = (): object | null => {
    const { config, errors } = readSettings(chosen?.settings ?? [], texts, t);
    const own = readSettings(OWN, texts, t);
    Object.assign(errors, own.errors);
    for (const name of ["max_workers", "priority"])
      if (!/^-?\d+$/.test(texts[name]?.trim() ?? "")) errors[name] = t("providers.number.bad");
    setErrors(errors);
    if (Object.keys(errors).length > 0 || chosen === undefined) return null;
    const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
    return {
      name: texts["name"]?.trim(),
      type: chosen.type,
      config: given,
      max_workers: Number(texts["max_workers"]),
      priority: Number(texts["priority"]),
      tags: splitList(texts["tags"] ?? ""),
      ...ownBody(own.config),
    };
  };
  const refused = (error: Error) => setErrors(errorsOf(error));
  const keep = (body: object) =>
    save.mutate(body, {
      onSuccess: ({ name }) => {
        toast(t("providers.saved", { name }));
        void navigate({ to: "/providers/$providerId", params: { providerId: name } });
      },
      onError: refused,
    });
  const ask = (then?: (body: object) => void) => {
    const body = read();
    save.reset();
    if (body === null) return;
    test.mutate(body, { onSuccess: ({ healthy }) => healthy && then?.(body), onError: refused });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask(keep);
  };
  const change = (name: string, text: string) => {
    setTexts({ ...texts, [name]: text });
    test.reset();
  };

  if (types.error && !types.data) return <ErrorPanel error={types.error} onRetry={() => void types.refetch()} />;
  if (types.data === undefined) return <Skeleton lines={8} />;
  const fields = { texts, errors, onChange: change };
  const failure = save.error ?? test.error;
  return (
    <>
      <PageHead title={t("providers.new.title")} />
      <form onSubmit={submit} noValidate className="flex max-w-3xl flex-col gap-5">
        <Card title={t("providers.details")}>
          <Field label={t("providers.type")} className="mb-4" error={errors["type"]} help={t("providers.type.help")}>
            <Select value={chosen?.type} onChange={(event) => { setType(event.target.value); test.reset(); }}>
              {types.data.map((one) => (
                <option key={one.type} value={one.type} disabled={!one.available}>
                  {one.label}
                </option>
              ))}
            </Select>
          </Field>
          <CommonFields {...fields} />
        </Card>
        <Card title={t("providers.placement")}>
          <PlacementFields {...fields} />
        </Card>
        {chosen && (
          <Card title={t("providers.settings", { type: typeName(chosen.type) })}>
            <SettingFields settings={chosen.settings} {...fields} />
          </Card>
        )}
        {failure && Object.keys(errors).length === 0 && <ErrorPanel error={failure} />}
        {test.data && <TestResult result={test.data} />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button busy={test.isPending} onClick={() => ask()}>
            {t("providers.test")}
          </Button>
          {test.data && !test.data.healthy && (
            <Button look="danger" busy={save.isPending} onClick={() => { const body = read(); if (body) keep(body); }}>
              {t("providers.save-anyway")}
            </Button>
          )}
          <Button type="submit" look="primary" busy={save.isPending} disabled={test.isPending}>
            {t("providers.save")}
          </Button>
        </div>
      </form>
    </>
  );
}
