/** Settings of a provider: texts in a form, values in the service. */
import { ApiError } from "@/api/errors";
import type { Provider, ProviderSetting } from "@/api/types";
import type { Translate } from "@/i18n";

export type Texts = Record<string, string>;
export type Errors = Record<string, string>;
type Kind = ProviderSetting["kind"] | "amount";

export function toText(kind: Kind, value: unknown): string {
  if (value === null || value === undefined || value === false) return "";
  if (kind === "list" && Array.isArray(value)) return value.map(String).join(", ");
  if (kind === "labels" && typeof value === "object")
    return Object.entries(value).map(([name, text]) => `${name}=${String(text)}`).join("\n");
  return String(value);
}

export const splitList = (text: string) => text.split(",").map((one) => one.trim()).filter(Boolean);

/** The value of a text, null of an empty one. Throws an Error that says what is wrong. */
function toValue(kind: Kind, text: string, t: Translate): unknown {
  if (text.trim() === "") return null;
  if (kind === "text") return text.trim();
  if (kind === "list") return splitList(text);
  if (kind === "flag") return text === "true";
  if (kind === "amount") {
    const value = Number(text.trim().replace(",", "."));
    if (Number.isNaN(value) || value < 0) throw new Error(t("providers.number.bad"));
    return value;
  }
  if (kind === "number") {
    if (!/^-?\d+$/.test(text.trim())) throw new Error(t("providers.number.bad"));
    return Number(text);
  }
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      if (at < 1) throw new Error(t("providers.labels.bad", { line }));
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

/** The values of a form's texts, and what is wrong with which. */
export function readSettings(settings: readonly { name: string; kind: Kind }[], texts: Texts, t: Translate) {
  const config: Record<string, unknown> = {};
  const errors: Errors = {};
  for (const { name, kind } of settings) {
    try {
      config[name] = toValue(kind, texts[name] ?? "", t);
    } catch (error) {
      errors[name] = (error as Error).message;
    }
  }
  return { config, errors };
}

/** What a refusal says about which field; the service names settings by their path. */
export function errorsOf(error: unknown): Errors {
  if (!(error instanceof ApiError)) return {};
  if (error.code === "provider.already-exists") return { name: error.message };
  const own: readonly string[] = OWN.map(({ name }) => name);
  const at = (field: string) => (own.includes(`own.${field}`) ? `own.${field}` : field.slice(field.lastIndexOf(".") + 1));
  return Object.fromEntries(error.errors.map(({ field, message }) => [at(field), message]));
}

/** Where a provider is and what it costs, in a form; Docker has `labels` of another kind. */
export const OWN = [
  { name: "own.region", kind: "text" },
  { name: "own.cost_per_hour", kind: "amount" },
  { name: "own.labels", kind: "labels" },
] as const;

export const ownTexts = ({ region, labels, cost_per_hour }: Provider["own"]): Texts => ({
  "own.region": region,
  "own.cost_per_hour": toText("text", cost_per_hour),
  "own.labels": toText("labels", labels),
});

/** What the service takes for them. */
export const ownBody = (read: Record<string, unknown>) => ({
  region: read["own.region"] ?? "",
  labels: read["own.labels"] ?? {},
  cost_per_hour: read["own.cost_per_hour"],
});

export const RULES = ["max_workers", "min_idle", "max_jobs"] as const;
export const RULE_TIMES = ["idle_ttl_ms", "max_lifetime_ms", "drain_within_ms"] as const;
