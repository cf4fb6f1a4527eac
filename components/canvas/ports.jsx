// Ports as plain elements. React Flow's own Handle listens to its store, three times a card; here one listener on the
// canvas starts a connection, and where the ports are is told, not measured, since a card never changes its size.
import React from "react";
import { XYHandle } from "@xyflow/system";
import { NODE_H, NODE_W } from "./graph.js";

const HIT = 24, BAR = 44, ERROR_Y = 58;
export const portX = (i, n) => (NODE_W * (i + 0.5)) / n;

/** Where React Flow finds the ports of a card. */
export const handlesOf = (ports) => [
  { id: "in", type: "target", position: "top", x: (NODE_W - BAR) / 2, y: -HIT / 2, width: BAR, height: HIT },
  ...ports.map((id, i) => ({ id, type: "source", position: "bottom", x: portX(i, ports.length) - HIT / 2, y: NODE_H - HIT / 2, width: HIT, height: HIT })),
  { id: "error", type: "source", position: "right", x: NODE_W - HIT / 2, y: ERROR_Y - HIT / 2, width: HIT, height: HIT },
];

export function Port({ node, id, type, position, className, style, connectable, title }) {
  const can = connectable ? " connectable connectablestart connectableend connectionindicator" : "";
  return <div className={`react-flow__handle react-flow__handle-${position} nodrag nopan ${type}${can} ${className}`} style={style} title={title} data-handleid={id} data-nodeid={node} data-handlepos={position} data-id={`1-${node}-${id}-${type}`} data-testid={`port-${node}-${type === "target" ? "in" : id}`} />;
}

const handleOf = (event) => event.target.closest?.(".react-flow__handle.connectable");
const connect = (store, params) => store.getState().onConnect?.(params);

/** Pressing on a port begins to draw. */
export function onPress(store, event) {
  const el = handleOf(event), s = store.getState();
  if (!el || (event.button ?? 0) !== 0) return;
  XYHandle.onPointerDown(event.nativeEvent, {
    handleDomNode: el, nodeId: el.dataset.nodeid, handleId: el.dataset.handleid, isTarget: el.classList.contains("target"), flowId: s.rfId, lib: s.lib,
    autoPanOnConnect: s.autoPanOnConnect, autoPanSpeed: s.autoPanSpeed, connectionMode: s.connectionMode, connectionRadius: s.connectionRadius, domNode: s.domNode, nodeLookup: s.nodeLookup,
    panBy: s.panBy, cancelConnection: s.cancelConnection, updateConnection: s.updateConnection, dragThreshold: s.connectionDragThreshold, onConnectStart: s.onConnectStart,
    onConnectEnd: (...args) => store.getState().onConnectEnd?.(...args), onConnect: (params) => connect(store, params), isValidConnection: (...args) => store.getState().isValidConnection?.(...args) ?? true,
    getTransform: () => store.getState().transform, getFromHandle: () => store.getState().connection.fromHandle,
  });
}
/** A tap on one port and a tap on another draw as well. */
export function onTap(store, event) {
  const el = handleOf(event), s = store.getState(), from = s.connectionClickStartHandle;
  if (!el) return;
  const handle = { nodeId: el.dataset.nodeid, id: el.dataset.handleid, type: el.classList.contains("target") ? "target" : "source" };
  document.querySelector(".react-flow__handle.clickconnecting")?.classList.remove("clickconnecting");
  if (!from) {
    el.classList.add("clickconnecting");
    return store.setState({ connectionClickStartHandle: handle });
  }
  store.setState({ connectionClickStartHandle: null });
  const { connection, isValid } = XYHandle.isValid(event.nativeEvent, { handle, connectionMode: s.connectionMode, fromNodeId: from.nodeId, fromHandleId: from.id, fromType: from.type, isValidConnection: s.isValidConnection, flowId: s.rfId, doc: document, lib: s.lib, nodeLookup: s.nodeLookup });
  if (isValid && connection) connect(store, connection);
}
