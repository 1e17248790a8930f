// A batch: its parts, and the rows of its three tables (50-sync, Batches). Each row is checked by itself; what the entries
// build on is examined in history.ts.

import { type Bytes } from "./bytes.js";
import { type Value } from "./codec.js";
import { kindAdmit, kindFound } from "./control.js";
import { Form, maxEntry, maxParents, readHashed } from "./entry.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";

const maxSize = 1_048_576n;
const maxCases = 65_536;
export const maxChains = 16_384;
export const maxRows = 2_520; // a frame divided by the shortest row
const maxNumberedShape = 64;
export const sequences = 1n << 40n;

export interface ChainRow {
  readonly device: Bytes;
  readonly incarnation: Bytes;
  readonly first: bigint;
  readonly previous: Bytes;
  readonly signature: Bytes;
}

// A parent: the entry at this sequence of the branch that this row of chains names; below 1 there is none.
export interface Cited {
  readonly row: number;
  readonly sequence: bigint;
}

export interface EntryRow {
  readonly chain: number;
  readonly form: Form;
  readonly version: number;
  readonly case: Bytes | undefined; // of a skeleton, which names none
  readonly sequence: bigint;
  readonly parents: readonly Cited[];
  readonly clock: bigint;
  readonly kind: number;
  readonly shape: Bytes; // of a skeleton its hash and length
  readonly content: Bytes; // unless it is full, its hash and length
}

const hashedSize = 36;

export function readPlace(device: Value | undefined, incarnation: Value | undefined, sequence: Value | undefined): void {
  holds(isBytes(device, 32), "form.device");
  holds(isBytes(incarnation, 8), "form.incarnation");
  holds(isInteger(sequence, 1n, sequences), "form.place");
}

export class Batch {
  readonly chains: ChainRow[] = [];
  readonly cases: Bytes[] = [];
  readonly entries: EntryRow[] = [];
  readonly counts: number[] = []; // of entries, by row of chains
  isWhole = false; // once its last part has come
  private readonly shapes: Bytes[] = [];
  private clock = 0n;
  private size = 0n;

  add(message: Value): void {
    holds(isArray(message, 6), "message");
    const [number, circle, last, chains, cases, entries] = message;
    holds(number === 4n && typeof last === "boolean", "message");
    holds(isArray(chains) && isArray(cases) && isArray(entries), "message");
    for (const table of [chains, cases, entries]) holds(table.length <= maxRows, "message");
    holds(isBytes(circle), "message");
    holds(circle.length === 8, "form.circle");
    for (const row of chains) this.addChain(row);
    for (const row of cases) this.addCase(row);
    for (const row of entries) this.addEntry(row);
    this.isWhole = last;
  }

  private addChain(row: Value): void {
    holds(isArray(row, 5), "batch.chain");
    const [device, incarnation, first, previous, signature] = row;
    holds(isBytes(device, 32), "form.device");
    holds(isBytes(incarnation, 8), "form.incarnation");
    holds(isInteger(first, 1n, sequences) && isBytes(previous, 32) && isBytes(signature), "batch.chain");
    holds(signature.length === 0 || signature.length === 64, "batch.chain");
    this.chains.push({ device, incarnation, first, previous, signature });
    this.counts.push(0);
    holds(this.chains.length <= maxChains, "cap.chains");
  }

  private addCase(row: Value): void {
    holds(isBytes(row, 32), "batch.case");
    this.cases.push(row);
    holds(this.cases.length <= maxCases, "cap.cases");
  }

  // The sequence of the entry that would come next in this row.
  private next(row: number): bigint {
    return this.chains[row]!.first + BigInt(this.counts[row]!);
  }

  private addEntry(row: Value): void {
    holds(isArray(row, 7), "batch.entry");
    const [chain, within, parents, clock, marked, shape, content] = row;
    holds(isInteger(chain, 0n, BigInt(this.chains.length)), "batch.entry");
    holds(typeof clock === "bigint" && isInteger(marked, 0n, 1n << 16n) && isArray(parents) && isBytes(content), "batch.entry");
    const [kind, form, version] = [Number(marked & 0xffn), Number((marked >> 8n) & 3n) as Form, Number(marked >> 10n) + 1];
    holds(form !== Form.detached, "entry.mark");
    const number = Number(chain);
    const read = {
      chain: number, form, version, kind, content,
      case: this.readCase(form, within), sequence: this.next(number), parents: this.readParents(number, parents),
      clock: (this.clock += clock), shape: this.readShape(form, shape),
    };
    const length = checkForm(read);
    this.size += BigInt(Math.min(length, read.shape.length + content.length) + 32 + 14 * read.parents.length);
    holds(this.size <= maxSize, "cap.batch");
    this.counts[number]!++;
    this.entries.push(read);
  }

  private readCase(form: Form, within: Value | undefined): Bytes | undefined {
    holds(within === null || isInteger(within, 0n, BigInt(this.cases.length)), "batch.entry");
    holds((within === null) === (form === Form.skeleton), "entry.form");
    return within === null ? undefined : this.cases[Number(within)]!;
  }

  private readShape(form: Form, shape: Value | undefined): Bytes {
    holds(form !== Form.skeleton || typeof shape !== "bigint", "entry.form");
    if (isInteger(shape, 0n, BigInt(this.shapes.length))) {
      return this.shapes[Number(shape)]!;
    }
    holds(isBytes(shape), "batch.entry");
    if (form !== Form.skeleton && shape.length <= maxNumberedShape) this.shapes.push(shape);
    return shape;
  }

  private readParents(own: number, parents: Value[]): Cited[] {
    holds(parents.length % 2 === 0, "entry.parents");
    holds(parents.length <= 2 * maxParents, "cap.parents");
    const cited: Cited[] = [];
    for (let i = 0; i < parents.length; i += 2) {
      const [chain, offset] = parents.slice(i, i + 2);
      holds(isInteger(chain, 0n, BigInt(this.chains.length)) && Number(chain) !== own, "entry.parents");
      holds(isInteger(offset, 1n, sequences), "entry.parents");
      cited.push({ row: Number(chain), sequence: this.next(Number(chain)) - offset });
    }
    return cited;
  }
}

// What a form has in place of shape and content; the length of those that it stands for. Of a version that is not known
// this is not looked at.
function checkForm({ form, version, kind, shape, content }: EntryRow): number {
  const here = shape.length + content.length;
  holds(here <= maxEntry, "cap.entry");
  if (version > 1 || form === Form.full) return here;
  holds(content.length === hashedSize, "entry.form");
  if (form === Form.skeleton) holds(shape.length === hashedSize && kind !== kindFound && kind !== kindAdmit, "entry.form");
  const length = (form === Form.skeleton ? readHashed(shape).length : shape.length) + readHashed(content).length;
  holds(length <= maxEntry, "cap.entry");
  return length;
}
