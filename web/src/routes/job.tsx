import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function JobDetails() {
  const { t } = useWords();
  return <PageHead title={t("jobs.title")} />;
}
