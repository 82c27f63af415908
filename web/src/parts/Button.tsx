import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { classes } from "./classes";

type Look = { look?: "primary" | "secondary" | "ghost" | "danger"; size?: "sm" | "md"; square?: boolean };

const LOOKS = {
  primary: "bg-accent text-on-accent border-transparent hover:bg-accent-strong",
  secondary: "bg-surface text-ink border-line hover:bg-hover shadow-low",
  ghost: "bg-transparent text-muted border-transparent hover:bg-hover hover:text-ink",
  danger: "bg-surface text-bad border-line hover:bg-bad-soft hover:border-bad shadow-low",
};

/** The look of a button, for links that act as one. */
export function buttonClass({ look = "secondary", size = "md", square = false }: Look = {}): string {
  return classes(
    "inline-flex select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-lg border font-medium",
    "transition-colors duration-100 disabled:cursor-not-allowed disabled:opacity-50 aria-disabled:opacity-50",
    size === "sm" ? "min-h-8 text-sm" : "min-h-9 text-sm",
    square ? (size === "sm" ? "w-8" : "w-9") : size === "sm" ? "px-2.5" : "px-3.5",
    LOOKS[look],
  );
}

type Props = ComponentProps<"button"> & Look & { busy?: boolean; icon?: ReactNode };

/** A button; while `busy` it turns a wheel and takes no clicks. */
export function Button({ look, size, square, busy = false, icon, children, className, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={classes(buttonClass({ look, size, square }), className)}
    >
      {busy ? <LoaderCircle size={16} className="animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  );
}

/** A square button with an icon only; `label` is its name for screen readers and its tooltip. */
export function IconButton({ label, children, ...rest }: Omit<Props, "square" | "icon"> & { label: string }) {
  return (
    <Button look="ghost" title={label} aria-label={label} square {...rest}>
      {children}
    </Button>
  );
}
