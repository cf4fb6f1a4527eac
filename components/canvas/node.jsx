// One card of the drawing, 220 × 72 for life. Status comes from the keyed store, looks from CSS.
import React, { memo } from "react";
import { NODE_W } from "./graph.js";
import { useNodeLive } from "./live.js";
import { Badge, Icon, Tile, WORDS } from "./parts.jsx";
import { Port, portX } from "./ports.jsx";
import { fault as said } from "./words.js";

const ordinal = (n) => `${n}${n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] ?? "th"}`;
const same = (a, b) => a.id === b.id && a.data === b.data && a.selected === b.selected;

export const StepNode = memo(function StepNode({ id, data, selected }) {
  const { type, title, summary, ports, wired, start, problem, sides, readOnly } = data;
  const [status = "idle", fact = "", visits = 0] = useNodeLive(data.name);
  const busy = status === "running" || status === "waiting", fault = !busy && !readOnly && problem?.severity === "error" ? said(problem, title) : null;
  const ran = status !== "idle" && !fault;
  const common = { node: id, connectable: !readOnly };
  return (
    <div
      className={`node${selected ? " sel" : ""}${fault ? " bad" : ""}`} data-testid={`node-${id}`} data-status={status}
      tabIndex={0} role="group" aria-label={`${title}, ${type?.title ?? data.kind}, ${fault ? "has a problem" : WORDS[status]}`}
    >
      {start && <span className="start">Start</span>}
      <Tile type={type} />
      <div className="txt"><div className="nt clip">{title}</div><div className="ns clip">{fault ?? (fact || summary)}</div></div>
      {ran ? <span className="corner"><Badge key={status} status={status} /></span> : problem && <span className="corner"><span className={`bd s-${problem.severity === "error" ? "failed" : "waiting"}`} title={problem.message}><Icon name={problem.severity === "error" ? "alert" : "warn"} size={13} bold /></span></span>}
      {visits > 1 && <span className="chip visits">{ordinal(visits)} pass</span>}
      <Port {...common} id="in" type="target" position="top" className={wired.in ? "pin on" : "pin"} />
      {sides.left && <i className="pin-side" data-side="left" />}
      {sides.right && <i className="pin-side" data-side="right" />}
      {ports.map((port, i) => <Port key={port} {...common} id={port} type="source" position="bottom" className={`pout${wired[port] ? " on" : ""}${ports.length === 1 ? " one" : ""}`} style={{ left: portX(i, ports.length), "--room": `${Math.floor(NODE_W / ports.length) - 17}px` }} title={ports.length > 2 ? port : undefined} />)}
      <Port {...common} id="error" type="source" position="right" className={wired.error ? "pout error on" : "pout error"} />
    </div>
  );
}, same);

export const NoteNode = memo(function NoteNode({ id, data, selected }) {
  const { text = "", color = "" } = data.config, [head, ...rest] = String(text).split("\n");
  return (
    <div className={`sticky${selected ? " sel" : ""}`} data-testid={`node-${id}`} data-status="idle" data-color={color} tabIndex={0} role="group" aria-label={`Note: ${head}`}>
      {rest.length ? <><b>{head}</b>{rest.join("\n").trim()}</> : head || "Empty note"}
    </div>
  );
}, same);
