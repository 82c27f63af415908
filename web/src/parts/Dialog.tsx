import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { useWords } from "@/i18n";
import { Button, IconButton } from "./Button";

type Props = {
  open: boolean;
  onClose?: () => void;
  title: ReactNode;
  description?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
};

/** A modal dialog; without `onClose` it stays until its work is done. */
export function Dialog({ open, onClose, title, description, children, actions }: Props) {
  const { t } = useWords();
  const opener = useRef<HTMLElement>(null);
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose?.()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Radix.Content
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          onOpenAutoFocus={() => {
            opener.current = document.activeElement as HTMLElement | null;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault(); // Radix knows only openers that are its own triggers
            opener.current?.focus();
          }}
          onEscapeKeyDown={(event) => onClose ?? event.preventDefault()}
          onInteractOutside={(event) => onClose ?? event.preventDefault()}
          className="fixed inset-x-3 bottom-3 z-50 mx-auto max-h-[85dvh] max-w-lg overflow-y-auto rounded-2xl border border-line bg-raised p-5 shadow-high outline-none [animation:appear_120ms_ease-out] sm:bottom-auto sm:top-[14vh]"
        >
          <div className="flex items-start justify-between gap-4">
            <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
            {onClose && (
              <IconButton size="sm" label={t("action.close")} onClick={onClose} className="-mr-1 -mt-1">
                <X size={16} aria-hidden />
              </IconButton>
            )}
          </div>
          {description !== undefined && <Radix.Description className="mt-1 text-sm text-muted">{description}</Radix.Description>}
          {children && <div className="mt-4">{children}</div>}
          {actions && <div className="mt-5 flex flex-wrap justify-end gap-2">{actions}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

type ConfirmProps = Omit<Props, "actions" | "onClose"> & {
  confirm: string;
  danger?: boolean;
  busy?: boolean;
  onClose: () => void;
  onConfirm: () => void;
};

/** Asks before something that cannot be taken back. */
export function Confirm({ confirm, danger = false, busy = false, onConfirm, onClose, ...rest }: ConfirmProps) {
  const { t } = useWords();
  return (
    <Dialog
      {...rest}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t("action.close")}</Button>
          <Button look={danger ? "danger" : "primary"} busy={busy} onClick={onConfirm}>
            {confirm}
          </Button>
        </>
      }
    />
  );
}
