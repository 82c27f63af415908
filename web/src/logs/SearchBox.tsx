import { ArrowDown, ArrowUp, CaseSensitive, Filter, Regex, Search } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { useWords } from "@/i18n";
import { classes, IconButton } from "@/parts";
import type { Finder } from "./finder";
import { TooSlow } from "./searcher";
import type { Sought } from "./search";

type Props = {
  ref: Ref<HTMLInputElement>;
  text: string;
  onText: (text: string) => void;
  sought: Sought;
  onSought: (sought: Sought) => void;
  only: boolean;
  onOnly: (only: boolean) => void;
  finder: Finder | null;
  last: number;
  wrong: boolean;
  /** The index of the match one stands at; -1 for none. */
  at: number;
  onStep: (by: 1 | -1) => void;
};

/** Search with its options, how many lines match and the way from one to the next. */
export function SearchBox({ ref, text, onText, sought, onSought, only, onOnly, finder, last, wrong, at, onStep }: Props) {
  const { t, format } = useWords();
  const n = finder?.matched.length ?? 0;
  const slow = finder?.error instanceof TooSlow;
  const status = (): ReactNode => {
    if (text === "") return null;
    if (wrong) return t("logs.wrong");
    if (slow) return t("logs.too-slow");
    if (finder === null) return null;
    const found = n === 0 ? (finder.isDone ? t("logs.no-match") : "") : at < 0 ? format.number(n) : t("logs.matches", { at: at + 1, n });
    if (finder.isDone || last === 0) return found;
    return `${found} · ${t("logs.searching", { percent: format.percent(Math.floor((finder.reached / last) * 100) / 100) })}`;
  };
  return (
    <div className="flex min-w-0 flex-1 basis-72 items-center gap-1">
      <div
        className={classes(
          "flex min-h-9 min-w-0 flex-1 items-center gap-2 rounded-lg border bg-surface pl-2.5 pr-1 focus-within:border-accent",
          wrong || slow ? "border-bad" : "border-line-strong/60",
        )}
      >
        <Search size={15} className="shrink-0 text-faint" aria-hidden />
        <input
          ref={ref}
          type="search"
          aria-label={t("logs.search")}
          aria-invalid={wrong || slow || undefined}
          placeholder={t("logs.search")}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              onStep(event.shiftKey ? -1 : 1);
            } else if (event.key === "Escape") {
              onText("");
              event.currentTarget.blur();
            }
          }}
          className="min-w-0 flex-1 bg-transparent py-1 font-mono text-sm outline-none [&::-webkit-search-cancel-button]:hidden"
        />
        <span role="status" className={classes("shrink-0 whitespace-nowrap text-xs tabular", wrong || slow ? "text-bad" : "text-muted")}>
          {status()}
        </span>
        <Toggle label={t("logs.case")} on={sought.matchCase} onChange={(matchCase) => onSought({ ...sought, matchCase })}>
          <CaseSensitive size={17} aria-hidden />
        </Toggle>
        <Toggle label={t("logs.regex")} on={sought.regex} onChange={(regex) => onSought({ ...sought, regex })}>
          <Regex size={15} aria-hidden />
        </Toggle>
        <Toggle label={t("logs.only-matches")} on={only} onChange={onOnly}>
          <Filter size={14} aria-hidden />
        </Toggle>
      </div>
      <IconButton size="sm" label={t("logs.previous")} disabled={n === 0} onClick={() => onStep(-1)}>
        <ArrowUp size={16} aria-hidden />
      </IconButton>
      <IconButton size="sm" label={t("logs.next")} disabled={n === 0} onClick={() => onStep(1)}>
        <ArrowDown size={16} aria-hidden />
      </IconButton>
    </div>
  );
}

function Toggle({ label, on, onChange, children }: { label: string; on: boolean; onChange: (on: boolean) => void; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-pressed={on}
      aria-label={label}
      title={label}
      onClick={() => onChange(!on)}
      className={classes("grid size-7 shrink-0 place-items-center rounded-md", on ? "bg-accent-soft text-accent" : "text-muted hover:bg-hover hover:text-ink")}
    >
      {children}
    </button>
  );
}
