// The sprite, once in the page: `#i-name` for what Python draws, the bare shapes for what is drawn by the thousand.
import raw from "../../../icons.svg?raw";

export const SHAPES = Object.fromEntries([...raw.matchAll(/<symbol id="i-([\w-]+)"[^>]*>([\s\S]*?)<\/symbol>/g)].map(([, name, shape]) => [name, shape]));

if (typeof document !== "undefined" && !document.getElementById("nexod-icons")) {
  const box = document.createElement("div");
  box.id = "nexod-icons";
  box.style.cssText = "position:absolute;width:0;height:0;overflow:hidden";
  box.setAttribute("aria-hidden", "true");
  box.innerHTML = raw;
  document.body.append(box);
}
