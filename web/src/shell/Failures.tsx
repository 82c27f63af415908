import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { useWords } from "@/i18n";
import { buttonClass, EmptyState, ErrorPanel } from "@/parts";

/** For an address that is no page. */
export function NoSuchPage() {
  const { t } = useWords();
  return (
    <>
      <h1 className="sr-only">{t("missing.title")}</h1>
      <EmptyState
        icon={<Compass size={36} aria-hidden />}
        title={t("missing.title")}
        action={
          <Link to="/" className={buttonClass()}>
            {t("nav.overview")}
          </Link>
        }
      >
        {t("missing.text")}
      </EmptyState>
    </>
  );
}

/** For a page that threw; the rest of the dashboard goes on. */
export function PageFailed({ error, reset }: { error: unknown; reset: () => void }) {
  const { t } = useWords();
  return <ErrorPanel title={t("error.page-title")} error={error} onRetry={reset} />;
}

/** Stands in while the code of a page is on its way. */
export { Skeleton as PageComing } from "@/parts";
