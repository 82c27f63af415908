import { useState } from "react";
import { api } from "@/api/client";
import type { Worker } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, Confirm, Dialog, Field, Input, toast, useErrorText } from "@/parts";
import { useChange } from "./queries";

const path = (worker: Worker, verb: string) => `/workers/${worker.id}/${verb}`;
const TOUCHED = ["workers", "providers", "system", "audit"];

/** Draining and terminating a worker. */
export function WorkerActions({ worker }: { worker: Worker }) {
  const going = worker.state === "DRAINING" || worker.state === "TERMINATING";
  return (
    <>
      {!going && <Drain worker={worker} />}
      {worker.state !== "TERMINATING" && <Terminate worker={worker} />}
    </>
  );
}

function Drain({ worker }: { worker: Worker }) {
  const { t } = useWords();
  const text = useErrorText();
  const [open, setOpen] = useState(false);
  const [within, setWithin] = useState("");
  const [error, setError] = useState<string | null>(null);
  const change = useChange((body: object) => api<Worker>(path(worker, "drain"), { method: "POST", body }), ...TOUCHED);
  const confirm = () => {
    const seconds = within.trim();
    if (!/^(\d+(\.\d+)?)?$/.test(seconds)) {
      setError(t("workers.drain.bad"));
      return;
    }
    change.mutate(seconds === "" ? {} : { within_ms: Math.round(Number(seconds) * 1000) }, {
      onSuccess: () => {
        setOpen(false);
        toast(t("workers.draining"));
      },
      onError: (error) => setError(text(error)),
    });
  };
  return (
    <>
      <Button onClick={() => { setError(null); setOpen(true); }}>{t("workers.drain")}</Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title={t("workers.drain.title")}
        description={t("workers.drain.text")}
        actions={
          <>
            <Button onClick={() => setOpen(false)}>{t("action.close")}</Button>
            <Button look="primary" busy={change.isPending} onClick={confirm}>
              {t("workers.drain")}
            </Button>
          </>
        }
      >
        <form onSubmit={(event) => { event.preventDefault(); confirm(); }}>
          <Field label={t("workers.drain.within")} help={t("workers.drain.help")} error={error} optional>
            <Input inputMode="numeric" value={within} onChange={(event) => setWithin(event.target.value)} />
          </Field>
        </form>
      </Dialog>
    </>
  );
}

function Terminate({ worker }: { worker: Worker }) {
  const { t } = useWords();
  const text = useErrorText();
  const [open, setOpen] = useState(false);
  const change = useChange(() => api<Worker>(path(worker, "terminate"), { method: "POST", body: {} }), ...TOUCHED);
  const confirm = () =>
    change.mutate(undefined, {
      onSuccess: () => toast(t("workers.terminating")),
      onError: (error) => toast(text(error), "bad"),
      onSettled: () => setOpen(false),
    });
  return (
    <>
      <Button look="danger" onClick={() => setOpen(true)}>
        {t("workers.terminate")}
      </Button>
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={t("workers.terminate.title")}
        description={t(worker.job_id ? "workers.terminate.job" : "workers.terminate.idle")}
        confirm={t("workers.terminate")}
        danger
        busy={change.isPending}
        onConfirm={confirm}
      />
    </>
  );
}
