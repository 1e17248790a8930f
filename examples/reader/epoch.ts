// An epoch's secret, and the four branches that go on from it by one day at a time (10-crypto, Branches of an epoch).

import { equal, none, u32, type Bytes } from "./bytes.js";
import { H } from "./hash.js";

export const branches = ["session", "spool", "discovery", "bundle"] as const;
export type States = Readonly<Record<(typeof branches)[number], Bytes>>;

export function commitment(root: Bytes): Bytes {
  return H("cs1 commitment", none, root);
}

// What a rotation after the first commits to: the states so many days after its own.
const endsAfter = 400;

function ends(states: States, day: number, end: number): Bytes {
  return H("cs1 ends", branches.map((branch) => later(states[branch], day, end)));
}

// Whether states of a day are those of the epoch that such a rotation, of the day `first`, committed to.
export function leadTo(states: States, day: number, committed: Bytes, first: number): boolean {
  const end = first + endsAfter;
  return first <= day && day <= end && end < 2 ** 32 && equal(ends(states, day, end), committed);
}

function later(state: Bytes, day: number, wanted: number): Bytes {
  for (let next = day + 1; next <= wanted; next++) state = H("cs1 ratchet", u32(next), state);
  return state;
}

export function statesOn(root: Bytes, firstDay: number, day: number): States {
  const states = branches.map((branch) => {
    return [branch, later(H(`cs1 ${branch}`, u32(firstDay), root), firstDay, day)] as const;
  });
  return Object.fromEntries(states) as States;
}

export function psk(session: Bytes, circle: Bytes): Bytes {
  return H("cs1 psk", circle, session);
}
