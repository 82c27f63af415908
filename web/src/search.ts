/** What stands after the `?`: plain names and values, `state=RUNNING&state=FAILED` for several. */

export type Search = Record<string, string | string[] | undefined>;

export function parseSearch(text: string): Search {
  const search: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const before = search[name];
    search[name] = before === undefined ? value : typeof before === "string" ? [before, value] : [...before, value];
  }
  return search;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") asked.append(name, String(one));
    }
  }
  const text = asked.toString();
  return text === "" ? "" : `?${text}`;
}

/** One value of a search parameter. */
export function one(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return first === undefined || first === null || first === "" ? undefined : String(first);
}

/** All values of a search parameter. */
export function many(value: unknown): string[] {
  return (Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value]).map(String);
}
