/** Server-sent events over fetch: unlike EventSource it gives events of every name and the status of a refusal. */

export type ServerEvent = { id: string; event: string; data: string };

/** Takes pieces of the text as they arrive; calls `emit` with each whole event. */
export function eventParser(emit: (event: ServerEvent) => void): (piece: string) => void {
  let rest = "";
  let event = "message";
  let id = "";
  let data: string[] = [];
  const line = (text: string) => {
    if (text === "") {
      if (data.length > 0) emit({ id, event, data: data.join("\n") });
      event = "message";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return; // a comment keeps the connection warm
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  };
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    lines.forEach(line);
  };
}

/** Read `url` until it ends. `opened` is called with the first byte's response. Throws on a network's end. */
export async function readEvents(
  url: string,
  { lastId, signal, opened, emit }: {
    lastId?: string;
    signal: AbortSignal;
    opened?: () => void;
    emit: (event: ServerEvent) => void;
  },
): Promise<number> {
  const response = await fetch(url, {
    signal,
    credentials: "same-origin",
    cache: "no-store",
    headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
  });
  if (!response.ok || response.body === null) return response.status;
  opened?.();
  const parse = eventParser(emit);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return response.status;
    parse(value);
  }
}
