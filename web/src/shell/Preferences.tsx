import { BookOpenText, Languages, Monitor, Moon, Sun } from "lucide-react";
import { useLanguage, useWords } from "@/i18n";
import { classes } from "@/parts";
import { type ThemeChoice, useThemeChoice } from "@/state/theme";

const THEMES: readonly [ThemeChoice, typeof Sun][] = [
  ["system", Monitor],
  ["light", Sun],
  ["dark", Moon],
];

/** Appearance, language, and the way to the API's reference. */
export function Preferences() {
  const { t } = useWords();
  const [theme, setTheme] = useThemeChoice();
  const [language, setLanguage] = useLanguage();
  return (
    <div className="flex flex-col gap-3 text-sm">
      <div role="radiogroup" aria-label={t("theme.label")} className="grid grid-cols-3 gap-0.5 rounded-lg bg-sunken p-0.5">
        {THEMES.map(([choice, Icon]) => (
          <button
            key={choice}
            type="button"
            role="radio"
            aria-checked={theme === choice}
            aria-label={t(`theme.${choice}`)}
            title={t(`theme.${choice}`)}
            onClick={() => setTheme(choice)}
            className={classes(
              "grid min-h-8 place-items-center rounded-md",
              theme === choice ? "bg-surface text-ink shadow-low" : "text-muted hover:text-ink",
            )}
          >
            <Icon size={15} aria-hidden />
          </button>
        ))}
      </div>
      <div className="flex items-center justify-between gap-2 px-1 text-muted">
        <span className="flex items-center gap-2">
          <Languages size={15} aria-hidden />
          <span className="sr-only">{t("language.label")}</span>
          {(["en", "es"] as const).map((one) => (
            <button
              key={one}
              type="button"
              lang={one}
              aria-pressed={language === one}
              onClick={() => setLanguage(one)}
              className={classes("min-h-8 px-1", language === one ? "font-semibold text-ink" : "hover:text-ink")}
            >
              {one === "en" ? "English" : "Español"}
            </button>
          ))}
        </span>
        <a href="/docs" title={t("nav.api")} aria-label={t("nav.api")} className="p-1 hover:text-ink">
          <BookOpenText size={15} aria-hidden />
        </a>
      </div>
    </div>
  );
}
