import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, Confirm, toast, useErrorText } from "@/parts";
import { useChange } from "./queries";

export const providerPath = (provider: Provider, rest = "") => `/providers/${encodeURIComponent(provider.id)}${rest}`;

/** Switches a provider on or off, after a question. */
export function ProviderSwitch({ provider, size = "sm" }: { provider: Provider; size?: "sm" | "md" }) {
  const { t } = useWords();
  const text = useErrorText();
  const [open, setOpen] = useState(false);
  const verb = provider.enabled ? "disable" : "enable";
  const change = useChange(() => api<Provider>(providerPath(provider, `/${verb}`), { method: "POST" }), "providers", "system", "audit");
  const { name } = provider;
  const confirm = () =>
    change.mutate(undefined, {
      onSuccess: () => toast(t(`providers.${verb}d`, { name })),
      onError: (error) => toast(text(error), "bad"),
      onSettled: () => setOpen(false),
    });
  return (
    <>
      <Button size={size} onClick={() => setOpen(true)}>
        {t(`providers.${verb}`)}
        <span className="sr-only"> {name}</span>
      </Button>
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={t(`providers.${verb}.title`, { name })}
        description={t(`providers.${verb}.text`)}
        confirm={t(`providers.${verb}`)}
        danger={provider.enabled}
        busy={change.isPending}
        onConfirm={confirm}
      />
    </>
  );
}

/** Forgets a provider, after a question. `onDone` leaves its page before anything asks for it again. */
export function ProviderRemoval({ provider, onDone }: { provider: Provider; onDone: () => Promise<void> }) {
  const { t } = useWords();
  const text = useErrorText();
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const change = useMutation({ mutationFn: () => api(providerPath(provider), { method: "DELETE" }) });
  const { name } = provider;
  const confirm = () =>
    change.mutate(undefined, {
      onSuccess: async () => {
        toast(t("providers.deleted", { name }));
        await onDone();
        await client.invalidateQueries({ queryKey: keys.providers() });
      },
      onError: (error) => {
        setOpen(false);
        toast(text(error), "bad");
      },
    });
  return (
    <>
      <Button look="danger" onClick={() => setOpen(true)}>
        {t("action.delete")}
      </Button>
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={t("providers.delete.title", { name })}
        description={t("providers.delete.text")}
        confirm={t("action.delete")}
        danger
        busy={change.isPending}
        onConfirm={confirm}
      />
    </>
  );
}

/** Asks a provider how it does, now. */
export function ProviderCheck({ provider }: { provider: Provider }) {
  const { t } = useWords();
  const text = useErrorText();
  const check = useChange(
    () => api<Provider["health"]>(providerPath(provider, "/health")),
    "providers",
    "system",
  );
  const click = () =>
    check.mutate(undefined, {
      onSuccess: ({ healthy, reason }) =>
        toast(
          t(healthy ? "providers.check.good" : "providers.check.bad", { name: provider.name, reason: reason || t("providers.no-reason") }),
          healthy ? "good" : "bad",
        ),
      onError: (error) => toast(text(error), "bad"),
    });
  return (
    <Button busy={check.isPending} onClick={click}>
      {t("providers.check")}
    </Button>
  );
}
