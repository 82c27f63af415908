/** How providers are told of. */
import type { Provider } from "@/api/types";

const NAMES: Record<string, string> = {
  DOCKER: "Docker",
  KUBERNETES: "Kubernetes",
  FARGATE: "AWS Fargate",
  CLOUD_RUN: "Google Cloud Run",
  CONTAINER_APPS: "Azure Container Apps",
  LAMBDA: "AWS Lambda",
  CLOUD_FUNCTIONS: "Google Cloud Functions",
  AZURE_FUNCTIONS: "Azure Functions",
  EC2: "Amazon EC2",
  COMPUTE_ENGINE: "Google Compute Engine",
  AZURE_VMS: "Azure VMs",
  BARE_METAL: "Bare metal",
  TEST: "Test",
  CUSTOM: "Custom",
};

export const typeName = (type: string) => NAMES[type] ?? type;

/** One word for a provider: switched off, not asked yet, ill, or what it says of itself. */
export function shownStatus(provider: Provider): string {
  if (!provider.enabled) return "DISABLED";
  if (provider.health.checked_at === null) return "UNKNOWN";
  if (provider.status === "ACTIVE") return provider.health.healthy ? "HEALTHY" : "UNHEALTHY";
  return provider.status;
}
