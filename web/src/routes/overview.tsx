import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Overview() {
  const { t } = useWords();
  return <PageHead title={t("overview.title")} />;
}
