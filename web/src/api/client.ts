/** Calls of the REST service. Who calls is known by a cookie, set by `signIn`. */
import { ApiError, errorOf } from "./errors";
import { askForToken } from "./session";

export const API = "/api/v1";

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;
type Options = { method?: string; body?: unknown; headers?: Record<string, string>; query?: Query; signal?: AbortSignal };

export function address(path: string, query?: Query): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "object") for (const one of value) asked.append(name, one);
    else asked.set(name, String(value));
  }
  const text = asked.toString();
  return API + path + (text === "" ? "" : `?${text}`);
}

async function send(path: string, options: Options): Promise<Response> {
  const { method = "GET", body, headers, query, signal } = options;
  let response: Response;
  try {
    response = await fetch(address(path, query), {
      method,
      credentials: "same-origin",
      // the browser keeps ETags and asks with If-None-Match; an unchanged answer travels as 304
      cache: "no-cache",
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "", "network");
  }
  if (response.ok) return response;
  if (response.status === 401) askForToken();
  throw await errorOf(response);
}

/** The body of the answer. Raises ApiError. */
export async function api<T>(path: string, options: Options = {}): Promise<T> {
  const response = await send(path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** A resource with the tag that a change of it must carry as `If-Match`. */
export async function apiTagged<T>(path: string, options: Options = {}): Promise<{ value: T; etag: string | null }> {
  const response = await send(path, options);
  return { value: (await response.json()) as T, etag: response.headers.get("ETag") };
}

export type Page<T> = { items: T[]; next: string | null };

/** One page of a list; `next` is the cursor of the page after it. */
export async function apiPage<T>(path: string, options: Options = {}): Promise<Page<T>> {
  const response = await send(path, options);
  return { items: (await response.json()) as T[], next: nextCursor(response.headers.get("Link")) };
}

/**
 * Pages put together until there are so many entries or no more pages: a search through a long history answers with
 * short or empty ones, because it looks at so many jobs at a time.
 */
export async function filledPage<T>(ask: (cursor: string) => Promise<Page<T>>, cursor: string, least: number): Promise<Page<T>> {
  const items: T[] = [];
  let next: string | null = cursor;
  while (next !== null && items.length < least) {
    const page: Page<T> = await ask(next);
    items.push(...page.items);
    next = page.next;
  }
  return { items, next };
}

export function nextCursor(link: string | null): string | null {
  const target = link?.match(/<([^>]*)>\s*;\s*rel="?next"?/)?.[1];
  return target === undefined ? null : new URL(target, "http://here").searchParams.get("cursor");
}
