import { Plus, X } from "lucide-react";
import { type ClipboardEvent, useId } from "react";
import { useWords } from "@/i18n";
import { Button, classes, controlClass, FieldError, IconButton, toast } from "@/parts";
import { looksLikeEnv, merged, parseEnv, type Variable } from "./env-file";

type Props = {
  of: "env" | "labels";
  pairs: readonly Variable[];
  onChange: (pairs: Variable[]) => void;
  /** What is wrong with a row. */
  errorOf: (row: number) => string | null;
  hidden?: boolean;
};

/** Rows of names and values. A pasted .env file becomes rows. */
export function PairsEditor({ of, pairs, onChange, errorOf, hidden = false }: Props) {
  const { t } = useWords();
  const id = useId();
  const change = (at: number, part: Partial<Variable>) => onChange(pairs.map((one, index) => (index === at ? { ...one, ...part } : one)));
  const onPaste = (event: ClipboardEvent<HTMLInputElement>) => {
    const text = event.clipboardData.getData("text");
    if (!looksLikeEnv(text)) return;
    event.preventDefault();
    const { variables } = parseEnv(text);
    onChange(merged(pairs, variables));
    toast(t("form.env.pasted", { n: variables.length }));
  };
  return (
    <div className="flex flex-col gap-2">
      {pairs.map(({ name, value }, at) => {
        const error = errorOf(at);
        const number = at + 1;
        const shared = {
          "aria-invalid": error ? (true as const) : undefined,
          "aria-describedby": error ? `${id}-${at}` : undefined,
          autoComplete: "off",
          spellCheck: false,
        };
        return (
          <div key={at}>
            <div className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)_auto] items-center gap-2">
              <input
                {...shared}
                name={`${of}.${at}`}
                aria-label={t(`form.${of}.name`, { number })}
                placeholder={of === "env" ? "API_URL" : "team"}
                value={name}
                onPaste={onPaste}
                onChange={(event) => change(at, { name: event.target.value })}
                className={classes(controlClass, "font-mono")}
              />
              <input
                {...shared}
                name={`${of}.${at}`}
                type={hidden ? "password" : "text"}
                autoComplete={hidden ? "new-password" : "off"}
                aria-label={t(`form.${of}.value`, { number })}
                value={value}
                onChange={(event) => change(at, { value: event.target.value })}
                className={classes(controlClass, "font-mono")}
              />
              <IconButton size="sm" label={t("action.remove", { name: name || String(number) })} onClick={() => onChange(pairs.filter((_, index) => index !== at))}>
                <X size={16} aria-hidden />
              </IconButton>
            </div>
            <FieldError id={`${id}-${at}`} error={error} />
          </div>
        );
      })}
      <div>
        <Button size="sm" icon={<Plus size={14} aria-hidden />} onClick={() => onChange([...pairs, { name: "", value: "" }])}>
          {t(`form.${of}.add`)}
        </Button>
      </div>
    </div>
  );
}
