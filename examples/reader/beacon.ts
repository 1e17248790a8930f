// A beacon on a LAN (60-lan): a member recognises the announcer by a tag among 48 slots.

import { equal, u16, u64, u8, type Bytes } from "./bytes.js";
import { H } from "./hash.js";

const size = 208;
const nonceSize = 16;
const slotSize = 4;

export interface Sought {
  readonly key: Bytes;
  readonly who: Bytes; // in a pairing, empty
  readonly port: number;
  readonly period: bigint; // the listener's
  readonly addresses: readonly Bytes[];
}

function tag(nonce: Bytes, { key, who, port }: Sought, period: bigint, address: Bytes): Bytes {
  return H("cs1 tag", [nonce, u64(period), u16(port), u8(address.length), address, who], key, slotSize);
}

// The first of the addresses for which a slot fits.
export function recognise(beacon: Bytes, sought: Sought): Bytes | undefined {
  if (beacon.length !== size) return undefined;
  const nonce = beacon.subarray(0, nonceSize);
  const slots: Bytes[] = [];
  for (let at = nonceSize; at < size; at += slotSize) slots.push(beacon.subarray(at, at + slotSize));
  const periods = [sought.period, sought.period - 1n, sought.period + 1n].filter((period) => period >= 0n);
  return sought.addresses.find((address) =>
    periods.some((period) => slots.some((slot) => equal(slot, tag(nonce, sought, period, address)))));
}
