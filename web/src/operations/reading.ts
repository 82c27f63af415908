/** Texts of jobs and people that may hold marks which hide or turn around what stands beside them. */

const STRANGE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** The same with such marks written out, as `\u202e`. */
export function readable(text: string): string {
  return text.replace(STRANGE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
