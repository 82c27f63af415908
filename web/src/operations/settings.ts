/** Settings of a provider: texts in a form, values in the service. */
import { ApiError } from "@/api/errors";
import type { ProviderSetting } from "@/api/types";
import type { Translate } from "@/i18n";

export type Texts = Record<string, string>;
export type Errors = Record<string, string>;

export function toText(kind: ProviderSetting["kind"], value: unknown): string {
  if (value === null || value === undefined || value === false) return "";
  if (kind === "list" && Array.isArray(value)) return value.map(String).join(", ");
  if (kind === "labels" && typeof value === "object")
    return Object.entries(value).map(([name, text]) => `${name}=${String(text)}`).join("\n");
  return String(value);
}

export const splitList = (text: string) => text.split(",").map((one) => one.trim()).filter(Boolean);

/** The value of a text, null of an empty one. Throws an Error that says what is wrong. */
function toValue(kind: ProviderSetting["kind"], text: string, t: Translate): unknown {
  if (text.trim() === "") return null;
  if (kind === "text") return text.trim();
  if (kind === "list") return splitList(text);
  if (kind === "flag") return text === "true";
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
export function readSettings(settings: readonly ProviderSetting[], texts: Texts, t: Translate) {
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
  return Object.fromEntries(error.errors.map(({ field, message }) => [field.slice(field.lastIndexOf(".") + 1), message]));
}

export const RULES = ["max_workers", "min_idle", "max_jobs"] as const;
export const RULE_TIMES = ["idle_ttl_ms", "max_lifetime_ms", "drain_within_ms"] as const;
