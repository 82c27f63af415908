import { type ComponentProps, useRef } from "react";
import { classes, useField } from "@/parts";
import { type Token, tokens, type Tongue } from "./highlight";

const LOOKS: Record<Token["kind"], string> = {
  comment: "text-faint italic",
  string: "text-good",
  keyword: "text-step",
  number: "text-warn",
  variable: "text-busy",
  plain: "",
};

type Props = Omit<ComponentProps<"textarea">, "value"> & { value: string; tongue: Tongue };

/** A text field whose text is coloured: the letters are those of the layer behind it, the cursor is its own. */
export function CodeEditor({ value, tongue, className, ...rest }: Props) {
  const layer = useRef<HTMLPreElement>(null);
  const box = "m-0 whitespace-pre-wrap break-words p-3 font-mono text-[13px] leading-5 [tab-size:4]";
  return (
    <div className={classes("relative overflow-hidden rounded-lg border border-line-strong/60 bg-term shadow-low focus-within:border-accent has-[[aria-invalid]]:border-bad", className)}>
      <pre ref={layer} aria-hidden className={classes(box, "pointer-events-none absolute inset-0 overflow-hidden text-term-ink")}>
        {tokens(value, tongue).map(({ kind, text }, at) => (
          <span key={at} className={LOOKS[kind]}>
            {text}
          </span>
        ))}
        {"\n"}
      </pre>
      <textarea
        {...useField()}
        {...rest}
        value={value}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        autoCorrect="off"
        wrap="soft"
        onScroll={(event) => {
          if (layer.current) layer.current.scrollTop = event.currentTarget.scrollTop;
        }}
        className={classes(box, "relative block w-full resize-y overflow-y-auto bg-transparent text-transparent caret-ink outline-none [scrollbar-width:thin]")}
      />
    </div>
  );
}
