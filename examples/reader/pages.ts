// A circle's database, page by page (70-vault, Databases): deciphered into an image that any SQLite opens from memory.

import { createDecipheriv } from "node:crypto";
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { ascii, concat, equal, none, type Bytes } from "./bytes.js";

const pageSize = 8192;
const nonceSize = 16;
const tagSize = 16;
const clearFrom = 16; // of the first page: its first bytes are a salt in place of SQLite's magic,
const clearTo = 24; // and the fields after them are not encrypted
const magic = ascii("SQLite format 3\0");
const counters = 2 ** 32;

function little(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

// ChaCha20 from block `counter` on. It goes round at 2^32 without a carry; OpenSSL's carries, so that is done here.
function chacha(key: Bytes, nonce: Bytes, counter: number, data: Bytes): Bytes {
  const before = Math.min(data.length, 64 * (counters - counter));
  const cipher = createDecipheriv("chacha20", key, concat(little(counter), nonce));
  const first = cipher.update(data.subarray(0, before));
  return before === data.length ? first : concat(first, chacha(key, nonce, 0, data.subarray(before)));
}

// Undefined if the page is not what was written under this key.
function decipherPage(key: Bytes, number: number, page: Bytes): Bytes | undefined {
  const size = page.length - nonceSize - tagSize;
  const end = page.subarray(size);
  const nonce = end.subarray(0, 12);
  const counter = (new DataView(end.buffer, end.byteOffset + 12, 4).getUint32(0, true) ^ number) >>> 0;
  const once = chacha(key, nonce, counter, new Uint8Array(64));
  if (!equal(poly1305(page.subarray(0, size + nonceSize), once.subarray(0, 32)), end.subarray(nonceSize))) return undefined;
  const from = number === 1 ? clearTo : 0;
  const clear = chacha(once.subarray(32), nonce, (counter + 1) % counters, page.subarray(from, size));
  return concat(number === 1 ? concat(magic, page.subarray(clearFrom, clearTo)) : none, clear, end);
}

// Undefined if the key does not open the file, or part of it is damaged.
export function decipher(key: Bytes, file: Bytes): Bytes | undefined {
  if (file.length === 0 || file.length % pageSize !== 0) return undefined;
  const pages: Bytes[] = [];
  for (let at = 0; at < file.length; at += pageSize) {
    const page = decipherPage(key, at / pageSize + 1, file.subarray(at, at + pageSize));
    if (page === undefined) return undefined;
    pages.push(page);
  }
  return concat(...pages);
}
