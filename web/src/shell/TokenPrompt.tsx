import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { signIn, useTokenAsked } from "@/api/session";
import { useWords } from "@/i18n";
import { Button, Dialog, Field, Input } from "@/parts";

/** What shows the token of the server that docker-compose.prod.yml starts. */
const COMPOSE = "docker exec -u hodei hodei-jobs-api cat /var/lib/hodei/token";

/** Asks for an API token when the server wants one. `onSignedIn` begins the live events anew. */
export function TokenPrompt({ onSignedIn }: { onSignedIn: () => void }) {
  const { t } = useWords();
  const asked = useTokenAsked();
  const client = useQueryClient();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      if (await signIn(token.trim())) {
        setToken("");
        setError(null);
        onSignedIn();
        await client.resetQueries();
      } else setError(t("session.wrong"));
    } catch {
      setError(t("error.network"));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog open={asked} title={t("session.title")} description={t("session.why")}>
      <p className="mb-4 text-sm text-muted">
        {t("session.where")} <code className="mt-1 block break-words text-ink">{COMPOSE}</code>
      </p>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
        <Field label={t("session.token")} error={error}>
          <Input
            type="password"
            name="token"
            autoComplete="current-password"
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </Field>
        <Button type="submit" look="primary" busy={busy} className="self-end">
          {t("session.enter")}
        </Button>
      </form>
    </Dialog>
  );
}
