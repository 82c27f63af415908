import { useWords } from "@/i18n";
import type { Gap } from "./store";
import { LINE } from "./useRowHeights";

/** Says that output is missing here, how much and why. */
export function GapRow({ sequence, gap }: { sequence: number; gap: Gap }) {
  const { t, format } = useWords();
  return (
    <div
      data-line={sequence}
      className="overflow-hidden whitespace-nowrap border-y border-dashed border-warn/60 bg-warn-soft pl-3 text-warn"
      style={{ height: LINE, lineHeight: `${LINE - 2}px` }}
    >
      {gap.bytes === 0
        ? t("logs.gone")
        : gap.removed
          ? t("logs.removed", { size: format.bytes(gap.bytes) })
          : t("logs.gap", { size: format.bytes(gap.bytes), why: gap.why })}
    </div>
  );
}
