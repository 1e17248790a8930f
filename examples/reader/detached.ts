// Detached entries (30-history, Forms): a control entry alone, verified without what it rests on.

import { compare, equal, type Bytes } from "./bytes.js";
import { decode, type Value } from "./codec.js";
import { hashShape, headerOf, idOf, isOpaque, saltSize, signedBytes } from "./entry.js";
import { holds } from "./fault.js";
import { isArray, isBytes } from "./form.js";
import { verifies } from "./key.js";
import { readMessage } from "./message.js";

const kindRemove = 5;
const maxTargets = 48;

export interface Announced {
  readonly id: Bytes;
  readonly targets: Bytes[];
}

function targetsOf(kind: number, shape: Bytes): Bytes[] {
  if (kind !== kindRemove || isOpaque(shape, new Uint8Array(saltSize))) return [];
  const read = decode(shape);
  const ids: Value | undefined = isArray(read) ? read[0] : undefined;
  if (!isArray(ids) || ids.length < 1 || ids.length > maxTargets) return [];
  if (!ids.every((id): id is Bytes => isBytes(id, 32))) return [];
  return ids.sort(compare).filter((id, i) => i === 0 || !equal(id, ids[i - 1] as Bytes));
}

// What a DETACHED says, if the key is its author's; nothing if its version is not known.
export function readDetached(payload: Bytes, circle: Bytes, signing: Bytes): Announced | undefined {
  const fields = readMessage(payload).slice(2);
  const [device, incarnation, , previous, , , , shape, hash, , , signature] = fields as Bytes[];
  const [, , sequence, , height, clock, marked, , , length] = fields as bigint[];
  const parents = fields[10] as Bytes[];
  if (marked! >> 10n > 0n) return undefined;
  const kind = Number(marked! & 0xffn);
  const place = { circle, device: device!, incarnation: incarnation!, sequence: sequence!, previous: previous! };
  const id = idOf(headerOf(place, {
    height: height!, clock: clock!, kind, shape: hashShape(circle, shape!), content: { hash: hash!, length: Number(length) }, parents,
  }));
  holds(verifies(signing, signedBytes(id), signature!), "signature");
  return { id, targets: targetsOf(kind, shape!) };
}
