import { Activity, Boxes, ChartLine, LayoutDashboard, ListChecks, type LucideIcon, ScrollText } from "lucide-react";
import type { Word } from "@/i18n";

export type Place = { to: "/" | "/jobs" | "/workers" | "/providers" | "/metrics" | "/audit"; word: Word; icon: LucideIcon };

/** Where one can go. The first four are in the bar at the bottom of a phone, the rest behind "More". */
export const PLACES: readonly Place[] = [
  { to: "/", word: "nav.overview", icon: LayoutDashboard },
  { to: "/jobs", word: "nav.jobs", icon: ListChecks },
  { to: "/workers", word: "nav.workers", icon: Activity },
  { to: "/providers", word: "nav.providers", icon: Boxes },
  { to: "/metrics", word: "nav.metrics", icon: ChartLine },
  { to: "/audit", word: "nav.audit", icon: ScrollText },
];
