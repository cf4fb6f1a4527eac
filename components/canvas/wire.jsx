// Wiring by keys: the port that it begins at, and the steps that it may lead to.
import React, { useState } from "react";
import * as act from "./actions.js";
import { portsOf, refuse } from "./graph.js";
import { Pick } from "./pick.jsx";
import { get, nodeOf, useEditor } from "./store.js";

/** Every port of the step above, the free one chosen; left and right choose another. */
export function WireMenu({ from, ...rest }) {
  const { types, spec } = useEditor((s) => ({ types: s.types, spec: s.spec })), node = nodeOf(from);
  const ports = node ? [...portsOf(types[node.kind] ?? { kind: node.kind }, node, spec), "error"] : [], [port, setPort] = useState(() => act.freePort(from));
  const find = (query) => {
    const wanted = query.trim().toLowerCase();
    return spec.nodes.filter((n) => `${n.title} ${n.id}`.toLowerCase().includes(wanted) && !refuse(types, spec, { source: from, port, target: n.id })).map((n) => ({ key: n.id, title: n.title || n.id, type: types[n.kind] }));
  };
  const onKey = (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!by || e.target.value) return false;
    e.preventDefault();
    setPort(ports[(ports.indexOf(port) + by + ports.length) % ports.length]);
    return true;
  };
  const pick = (target) => act.connect({ source: from, port, target }, true);
  return (
    <Pick {...rest} label="Connect to" find={find} pick={pick} onKey={onKey} none="No step that it can lead to.">
      <div className="chips few from" role="radiogroup" aria-label="From the port">
        {ports.map((p) => <button type="button" key={p} role="radio" tabIndex={-1} aria-checked={p === port} className={p === port ? "chip on" : "chip"} onClick={() => setPort(p)}>{p}</button>)}
      </div>
    </Pick>
  );
}
