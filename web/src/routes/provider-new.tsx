import { useWords } from "@/i18n";
import { PageHead } from "@/parts";

export default function NewProvider() {
  const { t } = useWords();
  return <PageHead title={t("providers.new.title")} />;
}
