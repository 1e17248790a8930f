// The messages of a session (50-sync, Messages): each is exactly one of these forms.

import { compare, equal, hex, zeros32, type Bytes } from "./bytes.js";
import { Batch, maxChains, maxRows, readPlace } from "./batch.js";
import { decode, encode, type Value } from "./codec.js";
import { kindCase, kindFound } from "./control.js";
import { Form, isOpaque, maxClock, maxEntry, maxParents, saltSize } from "./entry.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";

type Check = (fields: Value[]) => void;

export const maxPayload = 65_535; // no frame has more
const tags = 32;
const maxPaths = 32;
const maxPath = 41;
const maxWhereabouts = 48;
const maxAddresses = 8;

function isCircle(value: Value | undefined): void {
  holds(isBytes(value), "message");
  holds(value.length === 8, "form.circle");
}

function offer([list]: Value[]): void {
  holds(isArray(list, tags) && list.every((tag) => isBytes(tag, 16)), "message");
  holds(list.every((tag, i) => i === 0 || compare(list[i - 1] as Bytes, tag as Bytes) < 0), "offer.order");
}

function digest([circle, bytes]: Value[]): void {
  isCircle(circle);
  holds(isBytes(bytes, 32), "message");
}

function places(rows: Value[]): void {
  for (const row of rows) {
    holds(isArray(row, 4), "frontier.row");
    const [device, incarnation, sequence, id] = row;
    readPlace(device, incarnation, sequence);
    holds(isBytes(id, 32), "form.place");
  }
}

function frontier([circle, last, heads, equivocators, gaps]: Value[]): void {
  isCircle(circle);
  holds(typeof last === "boolean" && isArray(heads) && isArray(equivocators) && isArray(gaps), "message");
  for (const table of [heads, equivocators, gaps]) holds(table.length <= maxRows, "message");
  places(heads);
  for (const device of equivocators) holds(isBytes(device, 32), "form.device");
  places(gaps);
  for (const table of [heads, equivocators, gaps]) {
    const named = new Set(table.map((row) => hex(encode(row))));
    holds(named.size === table.length, "frontier.twice");
  }
}

function path([circle, paths]: Value[]): void {
  isCircle(circle);
  holds(isArray(paths) && 1 <= paths.length && paths.length <= maxPaths, "message");
  for (const one of paths) {
    holds(isArray(one, 3), "path");
    const [device, incarnation, points] = one;
    holds(isBytes(device, 32), "form.device");
    holds(isBytes(incarnation, 8), "form.incarnation");
    holds(isArray(points) && 1 <= points.length && points.length <= maxPath, "path");
    let before: bigint | undefined;
    for (const point of points) {
      holds(isArray(point, 2), "path");
      const [sequence, id] = point;
      readPlace(device, incarnation, sequence);
      holds(isBytes(id, 32), "form.place");
      holds(before === undefined || (sequence as bigint) < before, "path");
      before = sequence as bigint;
    }
  }
}

function ack([circle, rows]: Value[]): void {
  isCircle(circle);
  holds(isArray(rows) && rows.length <= maxRows && rows.every((row) => isInteger(row, 0n, BigInt(maxChains))), "message");
  holds(rows.every((row, i) => i === 0 || (rows[i - 1] as bigint) < (row as bigint)), "ack.order");
}

function whereabouts([circle, rows]: Value[]): void {
  isCircle(circle);
  holds(isArray(rows), "message");
  holds(rows.length <= maxWhereabouts, "cap.whereabouts");
  const devices = new Set<string>();
  for (const row of rows) {
    holds(isArray(row, 2), "whereabouts.row");
    const [device, addresses] = row;
    holds(isBytes(device, 32) && isArray(addresses) && addresses.length >= 1, "whereabouts.row");
    holds(addresses.length <= maxAddresses, "cap.whereabouts");
    for (const one of addresses) {
      holds(isArray(one, 2), "whereabouts.row");
      const [address, port] = one;
      holds((isBytes(address, 4) || isBytes(address, 16)) && isInteger(port, 1n, 1n << 16n), "whereabouts.row");
    }
    devices.add(String(device));
  }
  holds(devices.size === rows.length, "whereabouts.twice");
}

function clock([moment]: Value[]): void {
  holds(isInteger(moment, 0n, maxClock), "message");
}

function detached(fields: Value[]): void {
  const [circle, device, incarnation, sequence, previous, height, at, marked, shape, hash, length, parents, signature] = fields;
  isCircle(circle);
  holds([sequence, height, at, length].every((number) => isInteger(number, 0n, 1n << 64n)), "detached");
  holds(isInteger(marked, 0n, 1n << 16n) && isBytes(previous, 32) && isBytes(shape) && isBytes(hash, 32), "detached");
  holds(isArray(parents) && parents.every((id) => isBytes(id, 32)) && isBytes(signature), "detached");
  readPlace(device, incarnation, 1n);
  holds(parents.length <= maxParents, "cap.parents");
  holds(BigInt(shape.length) + (length as bigint) <= BigInt(maxEntry), "cap.entry");
  holds(Number((marked >> 8n) & 3n) === Form.detached, "entry.mark");
  if (marked >> 10n > 0n) return; // a version of entries that is not known: only types and caps
  readPlace(device, incarnation, sequence);
  const kind = Number(marked & 0xffn);
  holds(kind !== kindCase && kind !== kindFound && signature.length === 64, "detached");
  holds(equal(previous, zeros32) === (sequence === 1n), "detached");
  holds(isInteger(height, 1n, maxClock) && isInteger(at, 0n, maxClock), "detached");
  holds(parents.every((id, i) => i === 0 || compare(parents[i - 1] as Bytes, id as Bytes) < 0), "detached");
  if (!isOpaque(shape, new Uint8Array(saltSize))) decode(shape);
}

function wanted([circle, epoch]: Value[]): void {
  holds(isBytes(circle) && isBytes(epoch, 32), "message");
  isCircle(circle);
}

function states([circle, epoch, day, ...branches]: Value[]): void {
  holds(isBytes(circle) && isInteger(day, 0n, 1n << 32n), "message");
  holds([epoch, ...branches].every((bytes) => isBytes(bytes, 32)), "message");
  isCircle(circle);
}

// By number: how many elements follow it, and what they have to be.
const forms: ReadonlyMap<bigint, readonly [count: number, check: Check]> = new Map<bigint, readonly [number, Check]>([
  [1n, [1, offer]],
  [2n, [2, digest]],
  [3n, [5, frontier]],
  [4n, [5, (fields) => new Batch().add([4n, ...fields])]],
  [5n, [2, ack]],
  [6n, [0, () => undefined]],
  [7n, [0, () => undefined]],
  [8n, [2, path]],
  [10n, [2, whereabouts]],
  [11n, [1, clock]],
  [12n, [13, detached]],
  [13n, [2, wanted]],
  [14n, [7, states]],
]);

export function readMessage(payload: Bytes): Value[] {
  holds(payload.length <= maxPayload, "cap.frame");
  const message = decode(payload, "message");
  holds(isArray(message) && message.length > 0, "message");
  const [number, ...fields] = message;
  const form = typeof number === "bigint" ? forms.get(number) : undefined;
  holds(form !== undefined && fields.length === form[0], "message");
  form[1](fields);
  return message;
}
