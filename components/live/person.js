// What depends on the machine a person sits at: the clipboard as far as there is one, and the names of its keys.
import { useSyncExternalStore } from "react";

/** Resolves true when the text is on the clipboard. Without https browsers have no clipboard but the old command. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedAsSelection(text);
  }
}
function copiedAsSelection(text) {
  const home = document.activeElement?.closest("dialog, [role=dialog]") ?? document.body, area = document.createElement("textarea"), before = document.activeElement;
  area.value = text;
  area.style.cssText = "position:fixed;opacity:0";
  home.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus?.();
  return done;
}

const never = () => () => {};
const onMac = () => /Mac|iP(hone|ad|od)/.test(navigator.platform);
/** "⌘" on a Mac, else "Ctrl". */
export const useMod = () => (useSyncExternalStore(never, onMac, () => false) ? "⌘" : "Ctrl");
