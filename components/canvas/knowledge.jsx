// What the editor knows of knowledge: which collection a step searches.
import React, { useEffect, useState } from "react";
import { BoundInput } from "./fields.jsx";
import { api } from "./sync.js";

/** A collection by its name: those there are are offered, anything else may be typed. */
export function BoundCollection(props) {
  const [known, setKnown] = useState(null);
  useEffect(() => {
    let gone = false;
    api("/collections?limit=200").then((found) => !gone && setKnown(found.items), () => !gone && setKnown(null));
    return () => (gone = true);
  }, []);
  const none = known?.length === 0;
  return (
    <>
      <BoundInput {...props} mode="text" list="collections-there-are" placeholder={none ? "" : "Its name"} hint={none ? "" : props.hint} />
      <datalist id="collections-there-are">{(known ?? []).map((one) => <option key={one.id} value={one.name} />)}</datalist>
      {none && <p className="hint after-field">There is no collection yet. <a className="link" href="/knowledge">Make one</a></p>}
    </>
  );
}
