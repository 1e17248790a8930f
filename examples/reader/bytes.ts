// Bytes: written as hexadecimal, compared, and put together.

export type Bytes = Uint8Array;

export const none: Bytes = new Uint8Array(0);
export const zeros32: Bytes = new Uint8Array(32);

const hexadecimal = /^(?:[0-9a-f]{2})*$/;

export function hex(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

export function fromHex(text: string): Bytes {
  if (!hexadecimal.test(text)) throw new TypeError("bytes are lower-case hexadecimal");
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function equal(a: Bytes, b: Bytes): boolean {
  return compare(a, b) === 0;
}

// Ascending, byte by byte.
export function compare(a: Bytes, b: Bytes): number {
  return Buffer.compare(a, b);
}

export function concat(...pieces: Bytes[]): Bytes {
  return Uint8Array.from(Buffer.concat(pieces));
}

export function ascii(text: string): Bytes {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function utf8(text: string): Bytes {
  return Uint8Array.from(Buffer.from(text, "utf8"));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// The text, or undefined if the bytes are no UTF-8.
export function text(bytes: Bytes): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function big(value: number | bigint, size: number): Bytes {
  const bytes = new Uint8Array(size);
  let rest = BigInt(value);
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

export const u8 = (value: number): Bytes => big(value, 1);
export const u16 = (value: number): Bytes => big(value, 2);
export const u32 = (value: number): Bytes => big(value, 4);
export const u64 = (value: number | bigint): Bytes => big(value, 8);

// The unsigned number, big-endian, in some of the bytes.
export function unsigned(bytes: Bytes, from = 0, size = bytes.length - from): bigint {
  let value = 0n;
  for (let i = from; i < from + size; i++) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

export function xor(a: Bytes, b: Bytes): Bytes {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}
