import { CircleAlert, CircleCheck, X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import { useSyncExternalStore } from "react";
import { useWords } from "@/i18n";

type Notice = { id: number; tone: "good" | "bad"; text: string };

let notices: readonly Notice[] = [];
let next = 0;
const listeners = new Set<() => void>();
function set(changed: readonly Notice[]): void {
  notices = changed;
  for (const listener of listeners) listener();
}

/** Tell in passing what came of an action. */
export function toast(text: string, tone: Notice["tone"] = "good"): void {
  set([...notices.slice(-3), { id: next++, tone, text }]);
}

export function Toasts() {
  const { t } = useWords();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
  return (
    <Radix.Provider label={t("part.notices")} swipeDirection="right">
      {shown.map(({ id, tone, text }) => (
        <Radix.Root
          key={id}
          duration={tone === "bad" ? 10_000 : 4000}
          type={tone === "bad" ? "foreground" : "background"}
          onOpenChange={(open) => !open && set(notices.filter((n) => n.id !== id))}
          className="flex items-start gap-2.5 rounded-xl border border-line bg-raised px-3.5 py-3 shadow-high [animation:appear_120ms_ease-out]"
        >
          {tone === "bad" ? (
            <CircleAlert size={17} className="mt-0.5 shrink-0 text-bad" aria-hidden />
          ) : (
            <CircleCheck size={17} className="mt-0.5 shrink-0 text-good" aria-hidden />
          )}
          <Radix.Description className="min-w-0 flex-1 break-words text-sm">{text}</Radix.Description>
          <Radix.Close aria-label={t("action.close")} className="rounded p-0.5 text-muted hover:text-ink">
            <X size={15} aria-hidden />
          </Radix.Close>
        </Radix.Root>
      ))}
      <Radix.Viewport label={t("part.notices")} className="fixed bottom-20 right-3 z-60 flex w-88 max-w-[calc(100vw-1.5rem)] flex-col gap-2 outline-none md:bottom-4 md:right-20" />
    </Radix.Provider>
  );
}
