import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Jobs() {
  const { t } = useWords();
  return <PageHead title={t("jobs.title")} />;
}
