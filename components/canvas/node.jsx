// One card of the drawing, 220 × 72 for life. Status comes from the keyed store, looks from CSS.
import React, { memo } from "react";
import { Handle, Position } from "@xyflow/react";
import { useNodeLive } from "./live.js";
import { Badge, Icon, Tile, WORDS } from "./parts.jsx";

const ordinal = (n) => `${n}${n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th"}`;

export const StepNode = memo(function StepNode({ id, data, selected }) {
  const { type, title, summary, ports, wired, start, problem, sides, readOnly } = data;
  const [status = "idle", said = "", visits = 0] = useNodeLive(id);
  const ran = status !== "idle", fault = !ran && problem?.severity === "error" ? problem.message : null;
  const connectable = !readOnly;
  return (
    <div
      className={`node s-${status}${selected ? " sel" : ""}${fault ? " bad" : ""}`} data-testid={`node-${id}`} data-status={status}
      tabIndex={0} role="group" aria-label={`${title}, ${type?.title ?? data.kind}, ${fault ? "has a problem" : WORDS[status]}`}
    >
      {start && <span className="start">Start</span>}
      <Tile type={type} />
      <div className="txt"><div className="nt clip" title={title}>{title}</div><div className="ns clip">{fault ?? (said || summary)}</div></div>
      <span className="corner">{ran ? <Badge key={status} status={status} /> : problem && <span className={`bd s-${problem.severity === "error" ? "failed" : "waiting"}`} title={problem.message}><Icon name={problem.severity === "error" ? "alert" : "warn"} size={13} bold /></span>}</span>
      {visits > 1 && <span className="chip visits">{ordinal(visits)} pass</span>}
      <Handle type="target" id="in" position={Position.Top} isConnectable={connectable} className={`pin${wired.in ? " on" : ""}`} data-testid={`port-${id}-in`} title="In" />
      {sides.left && <i className="pin-side" data-side="left" />}
      {sides.right && <i className="pin-side" data-side="right" />}
      {ports.map((port, i) => (
        <React.Fragment key={port}>
          <Handle type="source" id={port} position={Position.Bottom} isConnectable={connectable} className={`pout${wired[port] ? " on" : ""}`} style={{ left: 220 * (i + 0.5) / ports.length }} data-testid={`port-${id}-${port}`} title={port} />
          <span className={`pl${ports.length === 1 ? " one" : ""}`} style={{ left: 220 * (i + 0.5) / ports.length }}>{port}</span>
        </React.Fragment>
      ))}
      <Handle type="source" id="error" position={Position.Right} isConnectable={connectable} className={`pout err${wired.error ? " on" : ""}`} data-testid={`port-${id}-error`} title="error" />
      <span className="pl err">error</span>
    </div>
  );
}, (a, b) => a.id === b.id && a.data === b.data && a.selected === b.selected);

export const NoteNode = memo(function NoteNode({ id, data, selected }) {
  const { text = "", color = "" } = data.config, [head, ...rest] = String(text).split("\n");
  return (
    <div className={`sticky${selected ? " sel" : ""}`} data-testid={`node-${id}`} data-status="idle" data-color={color} tabIndex={0} role="group" aria-label={`Note: ${head}`}>
      {rest.length ? <><b>{head}</b>{rest.join("\n").trim()}</> : head || "Empty note"}
    </div>
  );
}, (a, b) => a.data === b.data && a.selected === b.selected);
