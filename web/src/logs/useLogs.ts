import { useEffect, useMemo, useReducer, useRef, useState } from "react";
import { LogFeed, transport } from "./feed";
import { Finder } from "./finder";
import { compile, narrows, type Sought } from "./search";
import { Searcher } from "./searcher";

/** The output of one attempt (0: the newest), drawn anew at most once per frame. */
export function useFeed(job: string, attempt: number): LogFeed {
  const feed = useMemo(() => new LogFeed(attempt, transport(job)), [job, attempt]);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const asked = { frame: 0 };
    const leave = feed.subscribe(() => {
      asked.frame ||= requestAnimationFrame(() => {
        asked.frame = 0;
        draw();
      });
    });
    void feed.start();
    return () => {
      leave();
      cancelAnimationFrame(asked.frame);
      feed.close();
    };
  }, [feed]);
  return feed;
}

/** Goes through the log for what is sought; null while nothing is. */
export function useFinder(feed: LogFeed, sought: Sought, floor: number): { finder: Finder | null; searcher: Searcher; wrong: boolean } {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const searcher = useRef<Searcher>(null);
  searcher.current ??= new Searcher();
  const [finder, setFinder] = useState<Finder | null>(null);
  const wrong = useMemo(() => !isSound(sought), [sought]);
  const idle = wrong || (sought.text === "" && !narrows(sought));

  useEffect(() => {
    if (idle) {
      setFinder(null);
      return;
    }
    const asked = { frame: 0 };
    const made = new Finder(sought, floor + 1, {
      store: feed.store,
      search: (piece, what, before) => searcher.current!.search(piece, what, before),
      load: (from, to) => {
        feed.points.search = from;
        return feed.load(from, to);
      },
      changed: () => {
        asked.frame ||= requestAnimationFrame(() => {
          asked.frame = 0;
          draw();
        });
      },
    });
    setFinder(made);
    made.wake();
    const leave = feed.subscribe(() => made.wake());
    return () => {
      made.stop();
      feed.points.search = null;
      leave();
      cancelAnimationFrame(asked.frame);
    };
  }, [feed, sought, floor, idle]);

  useEffect(() => {
    const mine = searcher.current;
    return () => mine?.close();
  }, []);

  return { finder: finder !== null && finder.sought === sought ? finder : null, searcher: searcher.current, wrong };
}

function isSound(sought: Sought): boolean {
  try {
    compile(sought);
    return true;
  } catch {
    return false;
  }
}
