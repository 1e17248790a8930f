// The versions of the protocol that a build speaks (10-crypto, Noise; 20-wire, Version).

import { type Bytes } from "./bytes.js";
import { Fault, holds } from "./fault.js";

export type Versions = readonly [lowest: number, highest: number];

// What follows the key in a handshake's payload. Builds from before versions were negotiated said nothing.
export function readVersions(tail: Bytes): Versions {
  const [lowest = 0, highest = 0] = tail;
  if (tail.length < 2 || (lowest === 0 && highest === 0)) return [1, 1];
  holds(0 < lowest && lowest <= highest, "handshake.versions");
  return [lowest, highest];
}

export function agreed(ours: Versions, theirs: Versions): number {
  const inUse = Math.min(ours[1], theirs[1]);
  if (inUse >= Math.max(ours[0], theirs[0])) return inUse;
  throw new Fault("version", { older: theirs[1] < ours[0] ? "theirs" : "ours" });
}
