/** Choices that this browser keeps: localStorage as a store that components follow, also across tabs. */
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const memory = new Map<string, string>(); // where storage is forbidden, a choice lasts as long as the page

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Keep `value`, or forget it with null. */
export function keep(key: string, value: string | null): void {
  if (value === null) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // kept in memory above
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

export function useKept(key: string): string | null {
  return useSyncExternalStore(subscribe, () => kept(key));
}
