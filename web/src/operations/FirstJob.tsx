import { Link } from "@tanstack/react-router";
import { Rocket } from "lucide-react";
import { useWords } from "@/i18n";
import { buttonClass, Card, CopyButton, EmptyState } from "@/parts";

/** For a platform that has run nothing yet: how to run something, here or in a terminal. */
export function FirstJob() {
  const { t } = useWords();
  const curl = [
    `curl -X POST ${location.origin}/api/v1/jobs`,
    `-H 'Content-Type: application/json'`,
    `-d '{"spec": {"name": "hello", "command": ["echo", "hello"]}}'`,
  ].join(" \\\n  ");
  return (
    <Card>
      <EmptyState
        icon={<Rocket size={36} aria-hidden />}
        title={t("overview.first.title")}
        action={
          <Link to="/jobs/new" className={buttonClass({ look: "primary" })}>
            {t("overview.first.form")}
          </Link>
        }
      >
        {t("overview.first.text")}
      </EmptyState>
      <div className="mx-auto flex max-w-xl flex-col gap-3">
        <Snippet title={t("overview.first.terminal")} text="hodei run -- echo hello" />
        <Snippet title={t("overview.first.curl")} text={curl} />
      </div>
    </Card>
  );
}

function Snippet({ title, text }: { title: string; text: string }) {
  return (
    <div className="min-w-0">
      <p className="mb-1 flex items-center justify-between text-xs text-muted">
        {title}
        <CopyButton text={text} />
      </p>
      <pre className="whitespace-pre-wrap break-words rounded-lg bg-sunken px-3 py-2.5 font-mono text-xs">
        {text}
      </pre>
    </div>
  );
}
