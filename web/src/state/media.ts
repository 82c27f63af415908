import { useSyncExternalStore } from "react";

/** Whether the screen is as wide as a tablet; below, lists are cards. */
const wide = matchMedia("(min-width: 48rem)");

export function useWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      wide.addEventListener("change", listener);
      return () => wide.removeEventListener("change", listener);
    },
    () => wide.matches,
  );
}
