import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import type { JobSpec } from "@/api/types";
import { useWords } from "@/i18n";
import { CopyButton, Dialog, Tabs } from "@/parts";
import { asCli, asCurl, asGrpcurl, cliCannot } from "./commands";

/** The job as commands of three kinds. */
export function CopyAs({ spec, open, onClose }: { spec: JobSpec; open: boolean; onClose: () => void }) {
  const { t } = useWords();
  const [kind, setKind] = useState("cli");
  const session = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => api<{ token_needed: boolean }>("/session", { signal }),
    staleTime: Infinity,
  });
  const token = session.data?.token_needed ?? false;
  const cannot = cliCannot(spec);
  const shown = (command: string, note?: string) => (
    <div className="flex flex-col gap-2">
      <div className="relative">
        <pre className="max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-lg border border-line bg-term p-3 pr-11 font-mono text-xs text-term-ink">{command}</pre>
        <div className="absolute right-1.5 top-1.5">
          <CopyButton text={command} />
        </div>
      </div>
      {note && <p className="text-xs text-warn">{note}</p>}
      {Object.keys(spec.env ?? {}).length > 0 && <p className="text-xs text-muted">{t("form.copy-as.secrets")}</p>}
    </div>
  );
  return (
    <Dialog open={open} onClose={onClose} title={t("form.copy-as")} description={t("form.copy-as.why")}>
      {open && (
        <Tabs
          label={t("form.copy-as")}
          value={kind}
          onChange={setKind}
          tabs={[
            { value: "cli", label: "hodei", content: shown(asCli(spec), cannot.length > 0 ? t("form.copy-as.cannot", { fields: cannot.join(", ") }) : undefined) },
            { value: "curl", label: "curl", content: shown(asCurl(spec, window.location.origin, token)) },
            { value: "grpcurl", label: "grpcurl", content: shown(asGrpcurl(spec, token)) },
          ]}
        />
      )}
    </Dialog>
  );
}
