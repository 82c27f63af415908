import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { classes } from "./classes";

export type Column<T> = {
  key: string;
  head: ReactNode;
  cell: (row: T) => ReactNode;
  align?: "right";
  /** Left out on narrow screens when there is no `card`. */
  wide?: boolean;
};

type Props<T> = {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string;
  /** Called on Enter or a click beside the row's own links and buttons. */
  onOpen?: (row: T) => void;
  /** How a row looks on a phone; without it the table scrolls sideways there. */
  card?: (row: T) => ReactNode;
};

const INNER = "a, button, input, select, label";

/** A table of rows one can walk through with the arrow keys (or j and k) and open with Enter. */
export function Table<T>({ label, columns, rows, rowKey, onOpen, card }: Props<T>) {
  const body = useRef<HTMLTableSectionElement>(null);

  const onKey = (event: KeyboardEvent<HTMLTableRowElement>, row: T, at: number) => {
    if (event.target !== event.currentTarget) return;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      (body.current?.children[at + step] as HTMLElement | undefined)?.focus();
    } else if (event.key === "Enter") onOpen?.(row);
  };

  return (
    <>
      <div className={classes("overflow-x-auto", card && "hidden md:block")}>
        <table className="w-full border-collapse text-sm">
          <caption className="sr-only">{label}</caption>
          <thead>
            <tr className="border-y border-line bg-page/60 text-left text-xs text-muted first:border-t-0">
              {columns.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  className={classes(
                    "whitespace-nowrap px-3 py-2 font-medium first:pl-4 last:pr-4",
                    column.align === "right" && "text-right",
                    column.wide && "hidden lg:table-cell",
                  )}
                >
                  {column.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            {rows.map((row, at) => (
              <tr
                key={rowKey(row)}
                tabIndex={onOpen ? 0 : undefined}
                onKeyDown={(event) => onKey(event, row, at)}
                onClick={(event) => {
                  if (!(event.target as Element).closest(INNER) && !String(getSelection())) onOpen?.(row);
                }}
                className={classes(
                  "border-b border-line last:border-0 focus-visible:outline-offset-[-2px]",
                  onOpen && "cursor-pointer hover:bg-hover",
                )}
              >
                {columns.map((column) => (
                  <td
                    key={column.key}
                    className={classes(
                      "px-3 py-2.5 align-middle first:pl-4 last:pr-4",
                      column.align === "right" && "text-right tabular",
                      column.wide && "hidden lg:table-cell",
                    )}
                  >
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {card && (
        <ul aria-label={label} className="divide-y divide-line md:hidden">
          {rows.map((row) => (
            <li key={rowKey(row)} className="px-4 py-3">
              {card(row)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
