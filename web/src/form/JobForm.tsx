import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CalendarPlus, TerminalSquare } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { api } from "@/api/client";
import { ApiError } from "@/api/errors";
import type { Job, JobSpec } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, ErrorPanel, toast } from "@/parts";
import { BasicSection, CoreSection, ImageSection } from "./CoreSections";
import { CopyAs } from "./CopyAs";
import { type Draft, specOf } from "./draft";
import { ClocksSection, LabelsSection, PreferencesSection, ResourcesSection, RetrySection } from "./OtherSections";
import { FormProvider, useDraft } from "./useDraft";

/** The form for a job. What is wrong is said at its field, by us before sending and by the server after. */
export function JobForm({ initial }: { initial: Draft }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const client = useQueryClient();
  const form = useDraft(initial);
  const element = useRef<HTMLFormElement>(null);
  const key = useRef<{ of: string; key: string } | null>(null);
  const [copying, setCopying] = useState<JobSpec | null>(null);
  const [general, setGeneral] = useState<unknown>(null);

  const submit = useMutation({
    mutationFn: (spec: JobSpec) => {
      const body = JSON.stringify(spec);
      // the same again after a broken connection is the same job, something else is another
      if (key.current?.of !== body) key.current = { of: body, key: uniqueKey() };
      return api<Job>("/jobs", { method: "POST", body: { spec }, headers: { "Idempotency-Key": key.current.key } });
    },
    onSuccess: (job) => {
      toast(t("form.done"));
      void client.invalidateQueries({ queryKey: ["jobs"] });
      void navigate({ to: "/jobs/$jobId", params: { jobId: job.id } });
    },
    onError: (error) => {
      const known = error instanceof ApiError && error.errors.length > 0;
      const rest = known ? form.refuse(error) : [];
      setGeneral(known && rest.length === 0 ? null : error);
      toFirstProblem();
    },
  });

  const toFirstProblem = () =>
    window.setTimeout(() => {
      const field = element.current?.querySelector<HTMLElement>("[aria-invalid=true]");
      field?.focus({ preventScroll: true });
      field?.scrollIntoView({ block: "center" });
    });
  const sound = (then: (spec: JobSpec) => void) => {
    form.onSubmit();
    if (form.isSound) then(specOf(form.draft, form.defaultImage));
    else toFirstProblem();
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setGeneral(null);
    sound(submit.mutate);
  };

  return (
    <FormProvider value={form}>
      <form
        ref={element}
        noValidate
        onSubmit={onSubmit}
        onBlur={form.onBlur}
        onChange={form.onChange}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
        className="flex max-w-4xl flex-col gap-4 pb-16 md:pb-4"
      >
        <BasicSection />
        <CoreSection />
        <ImageSection />
        <ResourcesSection />
        <ClocksSection />
        <PreferencesSection />
        <RetrySection />
        <LabelsSection />
        {general !== null && <ErrorPanel error={general} />}
        <div className="sticky bottom-[calc(3.5rem+env(safe-area-inset-bottom))] z-10 -mx-4 flex flex-wrap items-center gap-3 border-t border-line bg-page/95 px-4 py-3 md:bottom-0 md:mx-0 md:px-0">
          <Button type="submit" look="primary" busy={submit.isPending} icon={<CalendarPlus size={16} aria-hidden />}>
            {t("form.submit")}
          </Button>
          <Button icon={<TerminalSquare size={16} aria-hidden />} onClick={() => sound(setCopying)}>
            {t("form.copy-as")}
          </Button>
          <span role="status" className="text-sm text-bad">
            {form.wrong > 0 && t("form.wrong.n", { n: form.wrong })}
          </span>
        </div>
      </form>
      {copying !== null && <CopyAs open spec={copying} onClose={() => setCopying(null)} />}
    </FormProvider>
  );
}

/** Also where the page came over plain http, without crypto.randomUUID. */
function uniqueKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
