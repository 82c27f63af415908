import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function ProviderDetails() {
  const { t } = useWords();
  return <PageHead title={t("providers.title")} />;
}
