// The name of a member or of a circle (00-conventions, Names), and its harmless form, in which people see it.

import { type Bytes } from "./bytes.js";
import { nameFrom } from "./control.js";

const maxName = 256;
const gaps = /[\p{White_Space}\u001c-\u001f]+/gu;
const harmful = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

const replaced = "\ufffd";

// As many whole characters as fit.
function cut(name: string): string {
  let [kept, size] = ["", 0];
  for (const one of name) {
    size += Buffer.byteLength(one);
    if (size > maxName) return kept;
    kept += one;
  }
  return kept;
}

export function shown(name: Bytes): string {
  const line = nameFrom(name).replace(gaps, " ").replace(/^ | $/g, "");
  return cut(line.normalize("NFC").replace(harmful, replaced)).replace(/ $/, "") || replaced;
}
