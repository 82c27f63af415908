import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function Providers() {
  const { t } = useWords();
  return <PageHead title={t("providers.title")} />;
}
