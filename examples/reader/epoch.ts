// An epoch's secret, and the four branches that go on from it by one day at a time (10-crypto, Branches of an epoch).

import { none, u32, type Bytes } from "./bytes.js";
import { H } from "./hash.js";

export const branches = ["session", "spool", "discovery", "bundle"] as const;
export type States = Readonly<Record<(typeof branches)[number], Bytes>>;

export function commitment(root: Bytes): Bytes {
  return H("cs1 commitment", none, root);
}

export function statesOn(root: Bytes, firstDay: number, day: number): States {
  const states = branches.map((branch) => {
    let state = H(`cs1 ${branch}`, u32(firstDay), root);
    for (let next = firstDay + 1; next <= day; next++) state = H("cs1 ratchet", u32(next), state);
    return [branch, state] as const;
  });
  return Object.fromEntries(states) as States;
}

export function psk(session: Bytes, circle: Bytes): Bytes {
  return H("cs1 psk", circle, session);
}
