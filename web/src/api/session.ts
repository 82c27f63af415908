/** Whether the server wants to know who we are. */
import { useSyncExternalStore } from "react";

let asked = false;
const listeners = new Set<() => void>();

function set(value: boolean): void {
  if (asked === value) return;
  asked = value;
  for (const listener of listeners) listener();
}

/** Show the prompt for a token. */
export const askForToken = () => set(true);

/** Sign in; the server answers with a cookie. False when it does not know the token. */
export async function signIn(token: string): Promise<boolean> {
  const response = await fetch("/api/v1/session", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (response.ok) set(false);
  else if (response.status >= 500) throw new Error(response.statusText);
  return response.ok;
}

export function useTokenAsked(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asked,
  );
}
