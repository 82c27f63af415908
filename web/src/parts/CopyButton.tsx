import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useWords } from "@/i18n";
import { Button, IconButton } from "./Button";

/** Put text on the clipboard, also where the page came over plain http. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Copies `text`; says so for a moment. With `children` a button with words, without them an icon. */
export function CopyButton({ text, label, children }: { text: string | (() => string); label?: string; children?: string }) {
  const { t } = useWords();
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = window.setTimeout(() => setDone(false), 1500);
    return () => window.clearTimeout(timer);
  }, [done]);
  const click = () => void copy(typeof text === "string" ? text : text()).then(() => setDone(true));
  const icon = done ? <Check size={15} aria-hidden className="text-good" /> : <Copy size={15} aria-hidden />;
  if (children !== undefined)
    return (
      <Button size="sm" icon={icon} onClick={click}>
        {done ? t("action.copied") : children}
      </Button>
    );
  return (
    <IconButton size="sm" label={done ? t("action.copied") : (label ?? t("action.copy"))} onClick={click}>
      {icon}
    </IconButton>
  );
}
