/** Texts of jobs and people that may hold marks which hide or turn around what stands beside them. */
import { shown } from "@/logs/ansi";

/** The same with such marks as signs; lines stay lines. */
export const readable = (text: string) => text.split("\n").map(shown).join("\n");
