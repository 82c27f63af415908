import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Metrics() {
  const { t } = useWords();
  return <PageHead title={t("metrics.title")} />;
}
