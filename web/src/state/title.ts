import { useEffect } from "react";

/** What the browser's tab and its history say of this page. */
export function useTitle(text: string | undefined): void {
  useEffect(() => {
    document.title = text ? `${text} · Hodei` : "Hodei";
  }, [text]);
}
