import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Audit() {
  const { t } = useWords();
  return <PageHead title={t("audit.title")} />;
}
