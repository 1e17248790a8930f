// What holds for a circle as a whole (40-membership): its floor, and its recovery keys in force.

import { ascii, compare, concat, hex, type Bytes } from "./bytes.js";
import { kindAdmit, kindFound, kindRecovery, kindRequire, Role, type Paper } from "./control.js";
import { type Held, type History } from "./history.js";
import { verifies } from "./key.js";

const lowest = 1;
const wordsNeeded = 2; // unless there is one coordinator only
const foundingHeight = 2n; // of what has the founding before it, and nothing else

function inEffect(history: History, ...kinds: number[]): Held[] {
  const counting = history.counting();
  return [...history.held.values()].filter((one) => kinds.includes(one.outline.kind) && !one.isVoid && counting.has(one));
}

export function floorOf(history: History): number {
  const equivocators = history.equivocators();
  const coordinators = inEffect(history, kindFound, kindAdmit)
    .filter(({ meaning }) => meaning.introduction?.role === Role.coordinator)
    .map(({ id }) => hex(id))
    .filter((device) => !equivocators.has(device));
  const required = inEffect(history, kindRequire);
  const words = coordinators.map((device) => {
    const own = required.filter(({ place }) => hex(place.device) === device);
    return Math.max(lowest, ...own.map(({ meaning }) => meaning.required ?? lowest));
  });
  words.sort((one, other) => other - one);
  const agreed = words[Math.min(words.length, wordsNeeded) - 1] ?? lowest;
  const founding = required.filter(({ outline }) => outline.height === foundingHeight).map(({ meaning }) => meaning.required ?? lowest);
  return Math.max(agreed, founding.length === 0 ? lowest : Math.min(...founding));
}

function givingWay(circle: Bytes, entry: Bytes, { signing, seal }: Paper): Bytes {
  return concat(ascii("cellsync/1 recovery\0"), circle, entry, signing, seal!);
}

// Ascending. A key that gave way stays away, also if that to which it gave way is no longer in force.
export function recoveryInForce(history: History): Paper[] {
  const brought = inEffect(history, kindFound, kindRecovery).map(({ id, meaning }) => ({ id: hex(id), paper: meaning.paper! }));
  const byEntry = new Map(brought.map(({ id, paper }) => [id, paper]));
  const gone = new Set<string>();
  for (const { paper } of brought) {
    for (const [entry, signature] of paper.replaces) {
      const old = byEntry.get(hex(entry));
      if (old !== undefined && verifies(old.signing, givingWay(history.circle, entry, paper), signature)) gone.add(hex(entry));
    }
  }
  return brought.filter(({ id }) => !gone.has(id)).map(({ paper }) => paper).sort((a, b) => compare(a.signing, b.signing));
}
