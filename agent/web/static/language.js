// Which language a page speaks, and how it says a length of time.

import { keep, kept } from "./settings.js";

/** Of `known` the language to begin with: asked for in the address, remembered, or the browser's. */
export function firstLanguage(known) {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked in known) return asked;
  const remembered = kept("language", "");
  if (remembered in known) return remembered;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const rememberLanguage = (code) => keep("language", code);

/** How long, in one or two units: "3 s", "4 min", "2 h 5 min". */
export function duration(language, ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [s, min, h, d] = language === "zh" ? ["秒", "分钟", "小时", "天"] : ["s", "min", "h", "d"];
  if (seconds < 60) return `${seconds} ${s}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${min}`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} ${h} ${Math.floor((seconds % 3600) / 60)} ${min}`;
  return `${Math.floor(seconds / 86400)} ${d}`;
}
