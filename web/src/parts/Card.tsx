import { type ReactNode, useId } from "react";
import { useTitle } from "@/state/title";
import { classes } from "./classes";

type Props = { title?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean; className?: string };

/** A titled surface; with `flush` its content reaches the edges. */
export function Card({ title, actions, children, flush = false, className }: Props) {
  const id = useId();
  return (
    <section
      aria-labelledby={title === undefined ? undefined : id}
      className={classes("min-w-0 rounded-xl border border-line bg-surface shadow-low", className)}
    >
      {title !== undefined && (
        <header className={classes("flex min-h-12 items-center justify-between gap-3 px-4 pt-2", flush && "pb-2")}>
          <h2 id={id} className="text-sm font-semibold text-ink">
            {title}
          </h2>
          {actions}
        </header>
      )}
      <div className={classes(!flush && "px-4 pb-4", !flush && title === undefined && "pt-4")}>{children}</div>
    </section>
  );
}

/** Names and values, aligned. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode] | false | null)[] }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-5 gap-y-2 text-sm">
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]} className="contents">
              <dt className="text-muted">{fact[0]}</dt>
              <dd className="min-w-0 break-words text-ink">{fact[1] ?? "–"}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** The head of a page: its title (and what the tab says, if that is more), what belongs beside it, what can be done. */
export function PageHead({ title, tab, aside, actions, children }: { title: string; tab?: string; aside?: ReactNode; actions?: ReactNode; children?: ReactNode }) {
  useTitle(tab ?? title);
  return (
    <header className="mb-5 flex flex-wrap items-start justify-between gap-x-4 gap-y-3">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="min-w-0 break-words text-xl font-semibold tracking-tight">{title}</h1>
          {aside}
        </div>
        {children}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}
