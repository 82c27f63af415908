import { Download, Eraser, Pause, Play, Settings2 } from "lucide-react";
import type { ReactNode } from "react";
import { useWords } from "@/i18n";
import { Button, buttonClass, classes, Menu, MenuCheck, MenuChoice } from "@/parts";
import { Level } from "./level";
import type { Sought } from "./search";
import type { TimeStyle } from "./settings";

type Props = {
  sought: Sought;
  onSought: (sought: Sought) => void;
  time: TimeStyle;
  onTime: (time: TimeStyle) => void;
  wrap: boolean;
  onWrap: (wrap: boolean) => void;
  paused: boolean;
  canPause: boolean;
  onPause: () => void;
  onClear: () => void;
  download: string;
  actions?: ReactNode;
  children: ReactNode;
};

const LEVELS = [
  ["ALL", null, "text-ink"],
  ["INFO", Level.INFO, "text-busy"],
  ["WARN", Level.WARN, "text-warn"],
  ["ERROR", Level.ERROR, "text-bad"],
] as const;

/** Everything one can do with a log. `children` is the search. */
export function Toolbar({ sought, onSought, time, onTime, wrap, onWrap, paused, canPause, onPause, onClear, download, actions, children }: Props) {
  const { t } = useWords();
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-line bg-surface px-3 py-2">
      {children}
      <div role="group" aria-label={t("logs.level")} className="flex rounded-lg bg-sunken p-0.5 text-xs font-semibold">
        {LEVELS.map(([name, level, look]) => (
          <button
            key={name}
            type="button"
            aria-pressed={sought.level === level}
            onClick={() => onSought({ ...sought, level })}
            className={classes("min-h-8 rounded-md px-2.5", look, sought.level === level ? "bg-surface shadow-low" : "hover:bg-hover")}
          >
            {t(`logs.level.${name}`)}
          </button>
        ))}
      </div>
      <div className="flex items-center gap-1">
        {canPause && (
          <Button
            size="sm"
            onClick={onPause}
            aria-pressed={paused}
            icon={paused ? <Play size={15} aria-hidden /> : <Pause size={15} aria-hidden />}
          >
            <span className="max-sm:sr-only">{t(paused ? "logs.resume" : "logs.pause")}</span>
          </Button>
        )}
        <Menu
          trigger={
            <Button size="sm" look="ghost" icon={<Settings2 size={15} aria-hidden />} aria-label={t("logs.view")}>
              <span className="max-sm:sr-only">{t("logs.view")}</span>
            </Button>
          }
        >
          <MenuCheck checked={wrap} onChange={onWrap}>
            {t("logs.wrap")}
          </MenuCheck>
          <MenuChoice
            label={t("logs.time")}
            value={time}
            onChange={onTime}
            choices={[
              ["off", t("logs.time.off")],
              ["relative", t("logs.time.relative")],
              ["absolute", t("logs.time.absolute")],
            ]}
          />
          <MenuChoice
            label={t("logs.stream")}
            value={sought.stream ?? "both"}
            onChange={(stream) => onSought({ ...sought, stream: stream === "both" ? null : stream })}
            choices={[
              ["both", t("logs.stream.both")],
              ["stdout", t("logs.stream.stdout")],
              ["stderr", t("logs.stream.stderr")],
            ]}
          />
        </Menu>
        <Button size="sm" look="ghost" icon={<Eraser size={15} aria-hidden />} onClick={onClear} aria-label={t("logs.clear")} title={t("logs.clear")}>
          <span className="max-lg:sr-only">{t("logs.clear")}</span>
        </Button>
        <a href={download} download className={buttonClass({ size: "sm", look: "ghost" })} title={t("logs.download")}>
          <Download size={15} aria-hidden />
          <span className="max-lg:sr-only">{t("logs.download")}</span>
        </a>
        {actions}
      </div>
    </div>
  );
}
