// One edge: down into the bar, or, when the target is above, round the outside and into its side.
import React, { memo, useState } from "react";
import { EdgeLabelRenderer } from "@xyflow/react";
import { NODE_H, NODE_W } from "./graph.js";
import { useEdgeLive } from "./live.js";
import { Icon } from "./parts.jsx";

const CORNER = 14;
const cubic = (x1, y1, x2, y2) => {
  const c = Math.max(20, 0.55 * (y2 - y1));
  return `C ${x1} ${y1 + c}, ${x2} ${y2 - c}, ${x2} ${y2}`;
};
/** Straight down first when the source has names under its ports, then one curve into the bar. */
export const forward = (x1, y1, x2, y2, several) => (several ? `M ${x1} ${y1} V ${y1 + 24} ${cubic(x1, y1 + 24, x2, y2)}` : `M ${x1} ${y1} ${cubic(x1, y1, x2, y2)}`);

/** A long way down: over to the other column at once, or only at the end, whichever has no cards in it. */
function long(x1, y1, x2, y2, several, free) {
  const top = several ? y1 + 24 : y1, turn = 76;
  if (free === "target") return `M ${x1} ${y1} V ${top} ${cubic(x1, top, x2, top + turn)} V ${y2}`;
  return `M ${x1} ${y1} V ${y2 - turn} ${cubic(x1, y2 - turn, x2, y2)}`;
}
/** Down, out to the lane, up, and into the side of the target at half height. */
export function back(x1, y1, lane, side, x2, y2) {
  const s = side === "left" ? -1 : 1, drop = y1 + (side === "left" ? 24 : 30), r = CORNER;
  return `M ${x1} ${y1} V ${drop - r} Q ${x1} ${drop} ${x1 + s * r} ${drop} H ${lane - s * r} Q ${lane} ${drop} ${lane} ${drop - r} V ${y2 + r} Q ${lane} ${y2} ${lane - s * r} ${y2} H ${x2}`;
}
export const StepEdge = memo(function StepEdge({ id, source, target, sourceX, sourceY, targetX, targetY, data, selected }) {
  const [state = "", count = 0] = useEdgeLive(data.run), [over, setOver] = useState(false);
  const isError = data.edge.port === "error";
  const x1 = isError ? sourceX - 12 : sourceX, y1 = isError ? sourceY : sourceY - 12, y2 = targetY + 12;
  const up = y2 - 1 < y1 + 20, side = data.side;
  const edgeX = side === "left" ? targetX - NODE_W / 2 : targetX + NODE_W / 2, sideY = y2 + NODE_H / 2, free = y2 - y1 < 150 ? "" : data.free;
  const lane = side === "left" ? Math.min(x1, edgeX) - data.out : Math.max(x1, edgeX) + data.out;
  const hot = selected || data.hot, look = hot && (!state || state === "idle") ? "hot" : state || "idle";
  let path, mid, plus;
  if (up) {
    path = back(isError ? x1 + 12 : x1, y1, lane, side, edgeX, sideY);
    mid = { x: lane, y: (y1 + 24 + sideY) / 2 };
    plus = { x: lane, y: mid.y + 26 };
  } else {
    path = isError ? `M ${x1} ${y1} H ${x1 + 14} ${cubic(x1 + 14, y1, targetX, y2 - 1)}` : free ? long(x1, y1, targetX, y2 - 1, data.several, free) : forward(x1, y1, targetX, y2 - 1, data.several);
    const lead = data.several ? 24 : 0, y = { target: y1 + lead + 38, source: y2 - 39 }[free] ?? (y1 + lead + y2 - 1) / 2;
    mid = { x: (x1 + (isError ? 14 : 0) + targetX) / 2, y };
    plus = { x: mid.x + 22, y: mid.y };
  }
  // Two empty strokes make the middle of the element a point of the line, wherever the line bends.
  const half = { x: Math.max(36, Math.abs(x1 - mid.x), Math.abs(targetX - mid.x), up ? Math.abs(edgeX - mid.x) : 0), y: Math.max(36, mid.y - y1, y2 - mid.y, up ? y1 + 30 - mid.y : 0, up ? mid.y - sideY : 0) };
  const arrow = side === "left" ? `M ${edgeX - 4} ${sideY} l -8 -4.5 v 9 z` : `M ${edgeX + 4} ${sideY} l 8 -4.5 v 9 z`;
  const pill = !data.looping ? "" : state ? `${count}×` : data.bound ? `up to ${data.bound}×` : "";
  return (
    <>
      <g className="edge" data-testid={`edge-${id}`} data-state={state || "idle"} data-look={look} onMouseEnter={() => setOver(true)} onMouseLeave={() => setOver(false)}>
        <path className="hit" d={`${path} M ${mid.x - half.x} ${mid.y - half.y} h 0 M ${mid.x + half.x} ${mid.y + half.y} h 0`} />
        <path className="w" d={path} />
        {up && <path className="wa" d={arrow} />}
        {look === "live" && <circle r="4" className="pulse"><animateMotion dur="1.6s" repeatCount="indefinite" path={path} /></circle>}
        {(over || selected) && !data.readOnly && <g className="insert" transform={`translate(${plus.x} ${plus.y})`} role="button" aria-label="Insert a step here" onClick={(e) => (e.stopPropagation(), data.onInsert(data.edge, e))}><circle r="10" /><path d="M -4.500 0 H 4.500 M 0 -4.500 V 4.500" /></g>}
      </g>
      {pill && up && (
        <EdgeLabelRenderer><span className="lane" data-look={look} style={{ transform: `translate(-50%, -50%) translate(${mid.x}px, ${mid.y}px)` }}><Icon name="loop" size={12} bold />{pill}</span></EdgeLabelRenderer>
      )}
    </>
  );
});
