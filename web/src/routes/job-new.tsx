import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function NewJob() {
  const { t } = useWords();
  return <PageHead title={t("jobs.new")} />;
}
