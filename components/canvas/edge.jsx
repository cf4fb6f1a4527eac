// One edge: down into the bar, or, when the target is above, round the outside and into its side.
import React, { memo } from "react";
import { EdgeLabelRenderer, useStore } from "@xyflow/react";
import { NODE_H, NODE_W } from "./graph.js";
import { useEdgeLive } from "./live.js";
import { Icon } from "./parts.jsx";

const LANE = 36, CORNER = 14;
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
/** Which of the two columns is free of cards between source and target; none for neighbours. */
function freeColumn(nodeLookup, source, target, x1, x2, y1, y2) {
  if (y2 - y1 < 150) return "";
  let free = x1 === x2 ? 0 : 3;
  for (const n of nodeLookup.values()) {
    if (n.id === source || n.id === target || n.type !== "step") continue;
    const { x, y } = n.internals.positionAbsolute;
    if (y + NODE_H <= y1 || y >= y2) continue;
    if (x - 8 < x2 && x + NODE_W + 8 > x2) free &= ~1;
    if (x - 8 < x1 && x + NODE_W + 8 > x1) free &= ~2;
  }
  return free & 1 ? "target" : free & 2 ? "source" : "";
}

/** Down, out to the lane, up, and into the side of the target at half height. */
export function back(x1, y1, lane, side, x2, y2) {
  const s = side === "left" ? -1 : 1, drop = y1 + (side === "left" ? 24 : 30), r = CORNER;
  return `M ${x1} ${y1} V ${drop - r} Q ${x1} ${drop} ${x1 + s * r} ${drop} H ${lane - s * r} Q ${lane} ${drop} ${lane} ${drop - r} V ${y2 + r} Q ${lane} ${y2} ${lane - s * r} ${y2} H ${x2}`;
}
/** The lane 36 outside the outermost card that the edge passes. */
function laneOf(nodeLookup, source, target, side, x1, x2) {
  const a = nodeLookup.get(source)?.internals.positionAbsolute.y ?? 0, b = nodeLookup.get(target)?.internals.positionAbsolute.y ?? 0;
  const top = Math.min(a, b) - 10, bottom = Math.max(a, b) + NODE_H + 30;
  let out = side === "left" ? Math.min(x1, x2) : Math.max(x1, x2);
  for (const n of nodeLookup.values()) {
    const { x, y } = n.internals.positionAbsolute;
    if (n.type !== "step" || y > bottom || y + NODE_H < top || Math.abs(x - x2) > 900) continue;
    out = side === "left" ? Math.min(out, x) : Math.max(out, x + NODE_W);
  }
  return side === "left" ? out - LANE : out + LANE;
}

export const StepEdge = memo(function StepEdge({ id, source, target, sourceX, sourceY, targetX, targetY, data, selected }) {
  const [state = "", count = 0] = useEdgeLive(data.edge);
  const isError = data.edge.port === "error";
  const x1 = isError ? sourceX - 12 : sourceX, y1 = isError ? sourceY : sourceY - 12, y2 = targetY + 12;
  const up = y2 - 1 < y1 + 20, side = data.side;
  const lane = useStore((s) => (up ? laneOf(s.nodeLookup, source, target, side, targetX - NODE_W / 2, targetX + NODE_W / 2) : 0));
  const free = useStore((s) => (up || isError ? "" : freeColumn(s.nodeLookup, source, target, x1, targetX, y1, y2)));
  const hot = selected || data.hot, look = hot && (!state || state === "idle") ? "hot" : state || "idle";
  const edgeX = side === "left" ? targetX - NODE_W / 2 : targetX + NODE_W / 2, sideY = y2 + NODE_H / 2;
  let path, mid, plus;
  if (up) {
    path = back(isError ? x1 + 12 : x1, y1, lane, side, edgeX, sideY);
    mid = { x: lane, y: (y1 + 24 + sideY) / 2 };
    plus = { x: lane, y: mid.y + 26 };
  } else {
    path = isError ? `M ${x1} ${y1} H ${x1 + 14} ${cubic(x1 + 14, y1, targetX, y2 - 1)}` : free ? long(x1, y1, targetX, y2 - 1, data.several, free) : forward(x1, y1, targetX, y2 - 1, data.several);
    mid = { x: free === "target" ? targetX : free === "source" ? x1 : (x1 + targetX) / 2, y: (y1 + y2) / 2 + (data.several ? 12 : 0) };
    plus = { x: mid.x + 22, y: mid.y };
  }
  const arrow = side === "left" ? `M ${edgeX - 4} ${sideY} l -8 -4.5 v 9 z` : `M ${edgeX + 4} ${sideY} l 8 -4.5 v 9 z`;
  const pill = state ? (data.looping ? `${count}×` : "") : data.bound ? `up to ${data.bound}×` : "";
  return (
    <>
      <g className="edge" data-testid={`edge-${id}`} data-state={state || "idle"} data-look={look}>
        <path className="hit" d={path} />
        <path className="w" d={path} />
        {up && <path className="wa" d={arrow} />}
        <rect className="ghost" x={mid.x - 16} y={mid.y - 8} width={32} height={16} />
        {look === "live" && <circle r="4" className="pulse"><animateMotion dur="1.6s" repeatCount="indefinite" path={path} /></circle>}
        {!data.readOnly && <g className="insert" transform={`translate(${plus.x} ${plus.y})`} role="button" aria-label="Insert a step here" onClick={(e) => (e.stopPropagation(), data.onInsert(data.edge, e))}><circle r="10" /><path d="M -4.500 0 H 4.500 M 0 -4.500 V 4.500" /></g>}
      </g>
      {pill && up && (
        <EdgeLabelRenderer><span className="lane" data-look={look} style={{ transform: `translate(-50%, -50%) translate(${mid.x}px, ${mid.y}px)` }}><Icon name="loop" size={12} bold />{pill}</span></EdgeLabelRenderer>
      )}
    </>
  );
});
