/**
 * The server's events, read for as long as the page is seen. Each one says which queries are out of date.
 *
 * A hidden page lets go of its connection: a browser opens six per server over HTTP/1.1, and a few forgotten tabs
 * would hold them all.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { waitBefore } from "./backoff";
import { address } from "./client";
import { askForToken } from "./session";
import { readEvents, type ServerEvent } from "./sse";

export type LiveState = "connecting" | "open" | "lost";

let state: LiveState = "connecting";
const listeners = new Set<() => void>();
function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of listeners) listener();
}

export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** The first parts of query keys that an event makes old. Keys begin with one of these words, see api/keys.ts. */
export function touchedBy(event: string): readonly string[] {
  if (event.startsWith("Job")) return ["jobs", "job", "queue", "metrics", "system", "audit"];
  if (event.startsWith("Worker")) return ["workers", "providers", "system", "audit"];
  if (event.startsWith("Provider")) return ["providers", "images", "system", "audit"];
  return ["system", "audit"];
}

const GATHER_MS = 400; // a storm of events asks again at most so often
const HIDDEN_MS = 10_000;

function gather(client: QueryClient) {
  const old = new Set<string>();
  let timer: number | null = null;
  return (event: ServerEvent) => {
    if (event.event === "hello") return;
    for (const key of touchedBy(event.event === "message" ? eventType(event.data) : event.event)) old.add(key);
    timer ??= window.setTimeout(() => {
      timer = null;
      const keys = new Set(old);
      old.clear();
      void client.invalidateQueries({ predicate: (query) => keys.has(String(query.queryKey[0])) && !standsStill(query) });
    }, GATHER_MS);
  };
}

/** Whether a query asked not to be renewed by events: `meta.standsStill` judges by its data. */
function standsStill({ meta, state }: { meta: Record<string, unknown> | undefined; state: { data: unknown } }): boolean {
  const judge = meta?.["standsStill"];
  return typeof judge === "function" && Boolean((judge as (data: unknown) => boolean)(state.data));
}

function eventType(data: string): string {
  try {
    return String((JSON.parse(data) as { event_type?: unknown }).event_type ?? "");
  } catch {
    return "";
  }
}

/** Follow the events until the returned function is called. */
export function follow(client: QueryClient): () => void {
  const touch = gather(client);
  let lastId = "";
  let attempt = 0;
  let current: AbortController | null = null;
  let timer: number | null = null;
  let hidden: number | null = null;

  const connect = async () => {
    timer = null;
    const mine = new AbortController();
    current = mine;
    let status = 0;
    try {
      status = await readEvents(address("/events"), {
        lastId,
        signal: mine.signal,
        opened: () => {
          const lost = state !== "open" && (attempt > 0 || lastId !== "");
          attempt = 0;
          become("open");
          if (lost) void client.invalidateQueries();
        },
        emit: (event) => {
          if (event.id !== "") lastId = event.id;
          touch(event);
        },
      });
    } catch {
      // lost: connect again below
    }
    if (current !== mine) return;
    current = null;
    if (status === 401) {
      askForToken();
      return; // signing in reloads everything
    }
    become("lost");
    timer = window.setTimeout(() => void connect(), waitBefore(attempt++));
  };

  const stop = () => {
    if (timer !== null) window.clearTimeout(timer);
    timer = null;
    const old = current;
    current = null;
    old?.abort();
  };
  const onVisibility = () => {
    if (hidden !== null) window.clearTimeout(hidden);
    hidden = null;
    if (document.hidden) hidden = window.setTimeout(() => { stop(); become("connecting"); }, HIDDEN_MS);
    else if (current === null) {
      stop();
      attempt = 0;
      void connect();
    }
  };
  document.addEventListener("visibilitychange", onVisibility);
  window.addEventListener("online", onVisibility);
  void connect();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    window.removeEventListener("online", onVisibility);
    stop();
  };
}
