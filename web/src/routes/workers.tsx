import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Workers() {
  const { t } = useWords();
  return <PageHead title={t("workers.title")} />;
}
