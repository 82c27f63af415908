import { useQuery } from "@tanstack/react-query";
import { Eye, EyeOff } from "lucide-react";
import { useId, useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { PulledImage } from "@/api/types";
import { useWords } from "@/i18n";
import { Area, Button, Card, Checkbox, classes, Field, FieldError, Input } from "@/parts";
import { CodeEditor } from "./CodeEditor";
import { KINDS, type Kind } from "./draft";
import { ChoiceField, TextField } from "./fields";
import { type Tongue, tongueOf } from "./highlight";
import { PairsEditor } from "./PairsEditor";
import { useForm } from "./useDraft";

export function BasicSection() {
  const { t } = useWords();
  return (
    <Card title={t("form.basic")}>
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField of="name" path="name" label={t("form.name")} placeholder={t("form.name.placeholder")} optional />
        <TextField of="description" path="description" label={t("form.description")} optional />
      </div>
    </Card>
  );
}

const TONGUES: Record<Kind, Tongue | null> = { shell: "shell", exec: "shell", python: "python", node: "javascript", script: null };
const EXAMPLES: Record<Kind, string> = {
  shell: 'echo "Hello from Hodei!" && date',
  exec: "python3 -m http.server 8080",
  python: 'print("Processing data...")',
  node: 'console.log("Hello from Hodei!");',
  script: "#!/usr/bin/env bash\n",
};

export function CoreSection() {
  const { t } = useWords();
  const { draft, set, errorOf } = useForm();
  const script = draft.kind !== "shell" && draft.kind !== "exec";
  return (
    <Card title={t("form.core")}>
      <div className="flex flex-col gap-4">
        <fieldset>
          <legend className="mb-1.5 text-sm font-medium">{t("form.kind")}</legend>
          <div className="flex flex-wrap gap-1.5">
            {KINDS.map((kind) => (
              <label
                key={kind}
                className={classes(
                  "flex min-h-9 cursor-pointer items-center rounded-lg border px-3 text-sm font-medium has-focus-visible:outline-2 has-focus-visible:outline-accent",
                  draft.kind === kind ? "border-accent bg-accent-soft text-ink" : "border-line text-muted hover:bg-hover",
                )}
              >
                <input type="radio" name="kind" value={kind} checked={draft.kind === kind} onChange={() => set({ kind })} className="sr-only" />
                {t(`form.kind.${kind}`)}
              </label>
            ))}
          </div>
          <p className="mt-1.5 text-xs text-muted">{t(`form.kind.${draft.kind}.help`)}</p>
        </fieldset>
        {draft.kind === "script" && (
          <TextField of="interpreter" path="script.interpreter" label={t("form.interpreter")} help={t("form.interpreter.help")} className="max-w-xs" />
        )}
        <Field label={t(script ? "form.script" : "form.command")} error={errorOf("command")}>
          <CodeEditor
            name="command"
            value={draft.content}
            tongue={TONGUES[draft.kind] ?? tongueOf(draft.interpreter)}
            placeholder={EXAMPLES[draft.kind]}
            rows={script ? 10 : 4}
            onChange={(event) => set({ content: event.target.value })}
          />
        </Field>
        {draft.kind === "script" && (
          <Checkbox label={t("form.strict")} help={t("form.strict.help")} checked={draft.strict} onChange={(event) => set({ strict: event.target.checked })} />
        )}
      </div>
    </Card>
  );
}

export function ImageSection() {
  const { t } = useWords();
  const { draft, set, errorOf, defaultImage } = useForm();
  const isContained = draft.kind === "exec";
  const [hidden, setHidden] = useState(false);
  const list = useId();
  const images = useQuery({ queryKey: keys.images(), queryFn: ({ signal }) => api<PulledImage[]>("/images", { signal }), retry: false, staleTime: 60_000 });
  const names = [...new Set((images.data ?? []).map(({ image }) => image))].sort();
  return (
    <Card title={t("form.image-section")}>
      <div className="flex flex-col gap-4">
        <div className="grid gap-4 sm:grid-cols-[1fr_12rem]">
          <Field label={t("form.image")} help={t(isContained ? "form.image.help.exec" : "form.image.help")} error={errorOf("image")}>
            <Input name="image" list={list} placeholder={(isContained && defaultImage) || "python:3.11-slim"} spellCheck={false} value={draft.image} onChange={(event) => set({ image: event.target.value })} className="font-mono" />
          </Field>
          <datalist id={list}>
            {names.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <ChoiceField of="pull" path="pull" label={t("form.pull")}>
            {(["missing", "always", "never"] as const).map((pull) => (
              <option key={pull} value={pull}>
                {t(`form.pull.${pull}`)}
              </option>
            ))}
          </ChoiceField>
        </div>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField of="user" path="user" label={t("form.user")} help={t("form.user.help")} placeholder="1000:1000" optional />
          <TextField of="entrypoint" path="entrypoint" label={t("form.entrypoint")} help={t("form.entrypoint.help")} placeholder="image" optional />
        </div>
        <fieldset>
          <div className="mb-1.5 flex items-center justify-between gap-3">
            <legend className="text-sm font-medium">{t("form.env")}</legend>
            {draft.env.length > 0 && (
              <Button size="sm" look="ghost" icon={hidden ? <Eye size={14} aria-hidden /> : <EyeOff size={14} aria-hidden />} onClick={() => setHidden(!hidden)}>
                {t(hidden ? "form.env.show" : "form.env.hide")}
              </Button>
            )}
          </div>
          <PairsEditor of="env" pairs={draft.env} onChange={(env) => set({ env })} errorOf={(row) => errorOf(`env.${row}`)} hidden={hidden} />
          <FieldError error={errorOf("env")} />
          <p className="mt-1.5 text-xs text-muted">{t("form.env.help")}</p>
        </fieldset>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField of="working_dir" path="working_dir" label={t("form.working-dir")} help={t("form.working-dir.help")} optional />
          <Field label={t("form.stdin")} error={errorOf("stdin")} optional>
            <Area name="stdin" rows={2} value={draft.stdin} onChange={(event) => set({ stdin: event.target.value })} className="font-mono" />
          </Field>
        </div>
      </div>
    </Card>
  );
}
