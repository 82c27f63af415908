import { ArrowDownToLine, ScrollText } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { address } from "@/api/client";
import { useWords } from "@/i18n";
import { Button, EmptyState, ErrorPanel } from "@/parts";
import { useSlash } from "@/state/slash";
import { addressOf, type LogSearch, soughtOf } from "./address";
import { plain } from "./ansi";
import { columns, MOST_SHOWN } from "./columns";
import { GapRow } from "./GapRow";
import { LogList, type LogListHandle } from "./LogList";
import { LogRow } from "./LogRow";
import { type Sought, narrows } from "./search";
import { SearchBox } from "./SearchBox";
import { sinceStart, timeOfDay, useLogSettings } from "./settings";
import { StatusBar } from "./StatusBar";
import { Toolbar } from "./Toolbar";
import { useFeed, useFinder } from "./useLogs";
import { LINE, TIME_COLUMNS, useRowHeights } from "./useRowHeights";
import { useRanges } from "./useRanges";
import { hashOf, viewOf } from "./view";
import { Flag } from "./store";

type Props = {
  job: string;
  /** 0 is the newest. */
  attempt: number;
  /** When the attempt began; time stamps relative to it. */
  startedAt: string | null;
  /** The line that the address points at. */
  line: number | null;
  onLine: (attempt: number, line: number) => void;
  onAttempt: (attempt: number) => void;
  /** What the address narrows the log to, and to be told when that changes; left out where there is no such address. */
  search?: LogSearch;
  onSought?: (search: LogSearch) => void;
  /** Beside the buttons of the toolbar. */
  actions?: ReactNode;
};

const AROUND = 200; // lines that are asked for beyond those in view
const TYPING_MS = 150;

/** The output of one attempt: live, searchable, of any length. */
export function LogViewer({ job, attempt, startedAt, line, onLine, onAttempt, search = {}, onSought, actions }: Props) {
  const { t, format } = useWords();
  const settings = useLogSettings();
  const feed = useFeed(job, attempt);
  const store = feed.store;
  const list = useRef<LogListHandle>(null);
  const box = useRef<HTMLInputElement>(null);
  const [following, setFollowing] = useState(line === null);
  const [frozen, setFrozen] = useState<number | null>(null);
  const [floor, setFloor] = useState(0);
  const [sought, setSought] = useState<Sought>(() => soughtOf(search));
  const [text, setText] = useState(sought.text);
  const [only, setOnly] = useState(search.only === "1");
  const [current, setCurrent] = useState<number | null>(null);
  const { finder, searcher, wrong } = useFinder(feed, sought, floor);
  const rangesOf = useRanges(finder, searcher, store);

  useEffect(() => {
    const timer = window.setTimeout(() => setSought((old) => (old.text === text ? old : { ...old, text })), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text]);

  const isFirst = useRef(true); // the address has it already
  useEffect(() => {
    if (!isFirst.current) onSought?.(addressOf(sought, only));
    isFirst.current = false;
  }, [sought, only]);

  const last = frozen ?? store.last;
  const filtered = sought.text !== "" && only ? finder?.matched : narrows(sought) ? finder?.passed : null;
  const view = viewOf(floor, last, filtered === undefined ? null : filtered, store.continued);

  const [room, setRoom] = useState(800);
  const { cell, digits, gutter, perLine, heightOf, onHeight } = useRowHeights(store, room, settings.time !== "off", settings.wrap);

  // --- lines that are looked at but not here
  const wanted = useRef<number | null>(null);
  const onSeen = useCallback(
    (from: number, to: number) => {
      if (to <= from) return;
      const first = view.at(from);
      const end = view.at(to - 1);
      feed.points.view = following ? null : first;
      if (wanted.current !== null) window.clearTimeout(wanted.current);
      const ask = () => {
        const gap = store.missing(Math.max(1, first - AROUND), Math.min(store.last, end + AROUND));
        if (gap === null) return;
        feed.load(gap.from, gap.to).catch(() => {
          wanted.current = window.setTimeout(ask, 2000);
        });
      };
      wanted.current = window.setTimeout(ask, 40);
    },
    [feed, view.rows, floor, filtered, following],
  );

  // --- where one stands
  const show = useCallback(
    (sequence: number) => {
      setFollowing(false);
      list.current?.show(view.rowOf(sequence));
    },
    [view],
  );
  const shownLine = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (line === null || store.last < line || shownLine.current === line) return;
    shownLine.current = line;
    show(line);
  });
  // a filter that comes or goes leaves one at the same line
  const topLine = useRef(1);
  useLayoutEffect(() => {
    if (!following && list.current && view.rows > 0) list.current.show(view.rowOf(topLine.current), "top");
  }, [filtered === null || filtered === undefined, sought.level, sought.stream, only]);
  useEffect(() => {
    if (list.current && view.rows > 0) topLine.current = view.at(Math.min(view.rows - 1, list.current.top()));
  });

  const matched = finder?.matched ?? null;
  const at = matched !== null && current !== null && matched.has(current) ? matched.indexOf(current) : -1;
  const step = (by: 1 | -1) => {
    if (matched === null || matched.length === 0) return;
    const here = current ?? topLine.current;
    const next =
      at >= 0 ? at + by : by > 0 ? matched.indexOf(here) : matched.indexOf(here) - 1;
    const sequence = matched.at((next + matched.length) % matched.length);
    setCurrent(sequence);
    show(sequence);
  };

  const toEnd = () => {
    setFrozen(null);
    setFollowing(true);
  };
  const pause = () => {
    if (frozen !== null) toEnd();
    else {
      setFrozen(store.last);
      setFollowing(false);
    }
  };
  const clear = () => {
    setFloor(store.last);
    setCurrent(null);
    toEnd();
  };
  const onKey = (event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "preventDefault">) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") box.current?.focus();
    else if (event.key === "n") step(1);
    else if (event.key === "N") step(-1);
    else if (event.key === "G" || event.key === "f") toEnd();
    else if (event.key === "g") show(view.at(0));
    else if (event.key === " " || event.key === "p") pause();
    else return;
    event.preventDefault();
  };
  useSlash(() => box.current?.focus());
  const keys = useRef(onKey);
  keys.current = onKey;
  useEffect(() => {
    const pressed = (event: globalThis.KeyboardEvent) => {
      const where = event.target instanceof Element ? event.target : document.body;
      if (event.defaultPrevented || where.closest("input, textarea, select, [contenteditable], [role=dialog], [role=menu]")) return;
      if (event.key === " " && where.closest("button, a")) return; // which it presses
      keys.current(event);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);

  const start = startedAt === null ? (store.has(1) ? store.time(1) : null) : Date.parse(startedAt);
  const timeOf = (sequence: number): string | null => {
    if (settings.time === "off") return null;
    const time = store.time(sequence);
    if (time === 0) return "";
    return (settings.time === "absolute" ? timeOfDay(time) : sinceStart(time - (start ?? time))).padEnd(TIME_COLUMNS);
  };
  const link = useCallback((sequence: number) => onLine(feed.attempt, sequence), [feed, onLine]);
  const row = (at: number) => {
    const sequence = view.at(at);
    const flags = store.flags(sequence);
    const gap = flags & Flag.GAP ? store.gap(sequence) : undefined;
    if (gap !== undefined) return <GapRow key={sequence} sequence={sequence} gap={gap} />;
    if (!(flags & Flag.HERE)) return <div key={sequence} className="pl-3 text-faint" style={{ height: LINE }}>{sequence} ···</div>;
    const written = store.line(sequence);
    const uncertain = settings.wrap && !columns(plain(written)).exact;
    return (
      <LogRow
        key={sequence}
        sequence={sequence}
        text={written}
        level={store.level(sequence)}
        stderr={(flags & Flag.STDERR) !== 0}
        platform={(flags & Flag.PLATFORM) !== 0}
        time={timeOf(sequence)}
        ranges={rangesOf(sequence)}
        current={sequence === current}
        linked={sequence === line}
        wrapped={settings.wrap ? perLine : null}
        digits={digits}
        href={`/jobs/${encodeURIComponent(job)}/logs#${hashOf(feed.attempt, sequence)}`}
        linkLabel={t("logs.link", { line: String(sequence) })}
        cut={written.length > MOST_SHOWN ? t("logs.cut", { n: written.length - MOST_SHOWN }) : null}
        onLink={link}
        onHeight={uncertain || written.length > MOST_SHOWN ? onHeight : undefined}
      />
    );
  };

  const live = feed.state === "live" || feed.state === "reconnecting";
  const behind = frozen === null ? 0 : store.last - frozen;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Toolbar
        sought={sought}
        onSought={setSought}
        time={settings.time}
        onTime={settings.setTime}
        wrap={settings.wrap}
        onWrap={settings.setWrap}
        paused={frozen !== null}
        canPause={live || frozen !== null}
        onPause={pause}
        onClear={clear}
        download={address(`/jobs/${encodeURIComponent(job)}/logs/download`, { attempt: feed.attempt || undefined, stream: sought.stream })}
        actions={actions}
      >
        <SearchBox
          ref={box}
          text={text}
          onText={(next) => {
            setText(next);
            setCurrent(null);
          }}
          sought={sought}
          onSought={setSought}
          only={only}
          onOnly={setOnly}
          finder={sought.text === "" ? null : finder}
          last={store.last}
          wrong={wrong}
          at={at}
          onStep={step}
        />
      </Toolbar>
      {feed.state === "failed" && (
        <div className="p-3">
          <ErrorPanel error={feed.error} />
        </div>
      )}
      <div className="relative flex min-h-0 flex-1 flex-col bg-term">
        <LogList
          ref={list}
          label={t("logs.label")}
          rows={view.rows}
          line={LINE}
          wrapped={settings.wrap}
          height={(row) => heightOf(view.at(row))}
          row={row}
          width={Math.min(MOST_SHOWN + 40, store.widest) * cell + gutter}
          following={following && frozen === null}
          onMove={(atEnd) => setFollowing(atEnd && frozen === null)}
          onSeen={onSeen}
          onSize={setRoom}
          onKey={onKey}
        />
        {view.rows === 0 && feed.state !== "loading" && feed.state !== "failed" && (
          <div className="pointer-events-none absolute inset-0 grid place-items-center">
            <EmptyState
              icon={<ScrollText size={32} aria-hidden />}
              title={t(store.last > floor ? "logs.empty.filtered" : live ? "logs.empty.waiting" : "logs.empty")}
            >
              {live && store.last === floor && t("logs.empty.text")}
            </EmptyState>
          </div>
        )}
        {(!following || frozen !== null) && view.rows > 0 && (
          <Button
            look={behind > 0 ? "primary" : "secondary"}
            className="absolute bottom-4 right-6 shadow-high"
            icon={<ArrowDownToLine size={15} aria-hidden />}
            onClick={toEnd}
          >
            {behind > 0 ? t("logs.new-lines", { n: behind }) : t("logs.bottom")}
          </Button>
        )}
      </div>
      <StatusBar
        feed={feed}
        paused={frozen !== null}
        shown={view.rows}
        total={store.last - store.continued.length}
        cleared={floor}
        onUnclear={() => setFloor(0)}
        onAttempt={onAttempt}
        progress={finder !== null && !finder.isDone ? format.percent(finder.reached / Math.max(1, store.last)) : null}
      />
    </div>
  );
}
