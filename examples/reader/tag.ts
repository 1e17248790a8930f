// What both sides compute by themselves: the id of a case that has one elsewhere (35-cases), and the tag of a circle in
// an offer (50-sync).

import { ascii, type Bytes } from "./bytes.js";
import { encode } from "./codec.js";
import { H } from "./hash.js";

export function caseId(circle: Bytes, kind: string, external: string): Bytes {
  return H("cs1 case", encode([kind, external]), circle);
}

export function offered(role: "caller" | "callee", hash: Bytes, circle: Bytes, psk: Bytes): Bytes {
  return H("cs1 offer", [ascii(role), hash, circle], psk, 16);
}
