import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function JobLogs() {
  const { t } = useWords();
  return <PageHead title={t("logs.title")} />;
}
