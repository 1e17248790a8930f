// The forms of the kinds that edition 2 knows, besides those of the first (40-membership, Edition 2). They are not in force yet.

import { compare } from "./bytes.js";
import { type Value } from "./codec.js";
import { isDeviceKeys, isKnown, isName } from "./control.js";
import { isArray, isBytes, isInteger } from "./form.js";
import { isSealKey } from "./key.js";
import { isRewrap, isRotation } from "./rotation.js";
import { isId, isIds, isNumbered } from "./rows.js";

function isRemove(shape: Value): boolean {
  if (!isArray(shape, 4)) return false;
  const [targets, alone, disputed, rotation] = shape;
  if (!isIds(targets, 1, 48) || !isIds(alone, 0, 48) || !isIds(disputed, 0, 16)) return false;
  const areTargets = alone.every((one) => targets.some((target) => compare(one, target) === 0));
  return areTargets && (rotation === null || isRotation(rotation!));
}

function isRelease(shape: Value): boolean {
  if (!isArray(shape, 2)) return false;
  const [entries, heads] = shape;
  return isIds(entries, 0, 1024) && isIds(heads, 0, 48) && entries.length + heads.length > 0;
}

const forms: ReadonlyMap<number, (shape: Value) => boolean> = new Map([
  [4, (shape: Value) => isArray(shape, 2) && isId(shape[0]) && isInteger(shape[1], 1n, 4n)], // set_role
  [5, isRemove],
  [6, (shape: Value) => isArray(shape, 1) && isIds(shape[0], 1, 48)], // endorse
  [7, isRotation], // rotate
  [8, isRewrap],
  [9, (shape: Value) => isArray(shape, 1) && isId(shape[0])], // reject
  [10, (shape: Value) => isArray(shape, 1) && isBytes(shape[0]) && isSealKey(shape[0])], // seal_key
  [11, isRelease],
  [12, (shape: Value) => isArray(shape, 0)], // leave
  [15, (shape: Value) => isNumbered(shape, 16, 1n << 32n)], // settings
]);
const kindLink = 3;

export function isOfItsForm(kind: number, shape: Value, content: Value): boolean {
  if (kind === kindLink) return isDeviceKeys(shape) && isArray(content, 1) && isName(content[0]);
  return isKnown(kind, shape, content) || (content === null && (forms.get(kind)?.(shape) ?? false));
}
