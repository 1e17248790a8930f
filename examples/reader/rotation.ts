// How epochs after the first are written down, and opened (40-membership, Edition 2).

import { equal, type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";
import { wrapSize } from "./control.js";
import { leadTo, statesOn, type States } from "./epoch.js";
import { Fault, holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";
import { isId, isTable } from "./rows.js";
import { unwrap } from "./seal.js";

type Row = [Bytes, Value];
export type Rotation = [commitment: Bytes, day: bigint, devices: Row[], recovery: Row[]];
export type Rewrap = [epoch: Bytes, wraps: [Bytes, Bytes][]];

const isWrap = (value: Value): value is Bytes => isBytes(value, wrapSize);

export function isRotation(value: Value): value is Rotation {
  if (!isArray(value, 4)) return false;
  const [commitment, day, devices, recovery] = value;
  const hasDevices = isTable(devices, (wrap) => wrap === null || isWrap(wrap), 1, 48);
  return isBytes(commitment, 32) && isInteger(day, 0n, 1n << 32n) && hasDevices && isTable(recovery, isWrap, 0, 16);
}

export function isRewrap(value: Value): value is Rewrap {
  return isArray(value, 2) && isId(value[0]) && isTable(value[1], isWrap, 1, 48);
}

// In a rotation and in what followed it, whose wraps there may be: a device's, or a recovery key's.
export interface Whose {
  readonly isRecovery: boolean;
  readonly id: Bytes;
}

function wrapsTo(whose: Whose, [, , devices, recovery]: Rotation, rewraps: readonly Rewrap[]): Bytes[] {
  const rows = whose.isRecovery ? recovery : [...devices, ...rewraps.flatMap(([, wraps]) => wraps)];
  return rows.filter(([id, wrap]) => wrap !== null && equal(id, whose.id)).map(([, wrap]) => wrap as Bytes);
}

// The states on the day of the rotation, if there is a wrap. The first that opens to the commitment is enough.
export function opened(rotation: Rotation, rewraps: readonly Rewrap[], whose: Whose, seed: Bytes): States | undefined {
  const [commitment, day] = rotation;
  let fault: Fault | undefined;
  for (const wrap of wrapsTo(whose, rotation, rewraps)) {
    try {
      const states = statesOn(unwrap(seed, commitment, wrap), Number(day), Number(day));
      holds(leadTo(states, Number(day), commitment, Number(day)), "epoch.commitment");
      return states;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = error;
    }
  }
  if (fault !== undefined) throw fault;
  return undefined;
}
