/** Light or dark: as the system says, unless chosen here. */
import { useEffect, useSyncExternalStore } from "react";
import { keep, useKept } from "./kept";

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "hodei.theme"; // read by public/appearance.js, too
const system = matchMedia("(prefers-color-scheme: dark)");

export function useThemeChoice(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const kept = useKept(KEY);
  return [kept === "light" || kept === "dark" ? kept : "system", (choice) => keep(KEY, choice === "system" ? null : choice)];
}

export function useTheme(): "light" | "dark" {
  const [choice] = useThemeChoice();
  const dark = useSyncExternalStore(
    (listener) => {
      system.addEventListener("change", listener);
      return () => system.removeEventListener("change", listener);
    },
    () => system.matches,
  );
  return choice === "system" ? (dark ? "dark" : "light") : choice;
}

/** Keeps the document's theme as chosen. Once, at the top. */
export function useAppliedTheme(): void {
  const theme = useTheme();
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}
