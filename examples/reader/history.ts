// What is held of one circle, and what of a batch attaches to it (30-history).

import { compare, equal, hex, zeros32, type Bytes } from "./bytes.js";
import { Batch, type ChainRow, type Cited, type EntryRow } from "./batch.js";
import { encode } from "./codec.js";
import { kindCase, kindFound } from "./control.js";
import {
  beforeItsId, checkParents, Form, hashContent, hashShape, headerOf, idOf, maxClock, readHashed, readMeaning, signedBytes,
  type Meaning, type Outline, type Place,
} from "./entry.js";
import { holds } from "./fault.js";
import { type Folded } from "./fold.js";
import { H } from "./hash.js";
import { verifies } from "./key.js";
import { ControlPast, counts } from "./membership.js";

const maxBranches = 16_384;
const maxBranchesBeyond = 15_568;
const branchesOfOne = 16;
const maxSurplus = 256;

// An entry that is held, with its place in the graph.
export interface Held {
  readonly id: Bytes;
  readonly place: Place;
  readonly outline: Outline;
  readonly case: Bytes;
  readonly meaning: Meaning;
  readonly isVoid: boolean;
  readonly past: ControlPast; // with itself, if it is a grant that counts
  readonly previous: Held | undefined;
  readonly parents: readonly Held[];
}

export type Head = readonly [device: Bytes, incarnation: Bytes, sequence: bigint, id: Bytes];

// What an entry builds on: all of it is held, or comes earlier in the batch in a slice that attaches.
export interface Ground {
  readonly previous: Held | undefined;
  readonly parents: readonly Held[];
}

// The control past of what an entry builds on.
export function pastOf({ previous, parents }: Ground): ControlPast {
  return parents.reduce((all, { past }) => all.and(past), previous?.past ?? ControlPast.empty);
}

export function heightOn({ previous, parents }: Ground): bigint {
  const heights = [...parents, ...(previous === undefined ? [] : [previous])].map(({ outline }) => outline.height);
  return 1n + heights.reduce((most, height) => (height > most ? height : most), 0n);
}

// Whether it counts, which its own past decides.
export function judge(id: Bytes, place: Place, outline: Outline, within: Bytes, meaning: Meaning, ground: Ground): Held {
  const past = pastOf(ground);
  const isVoid = !counts(outline.kind, hex(place.device), past, meaning);
  const grants = isVoid || meaning.introduction === undefined ? past : past.with(hex(id), meaning.introduction);
  return { id, place, outline, case: within, meaning, isVoid, past: grants, ...ground };
}

export function isSigned(one: Held, signature: Bytes): boolean {
  const author = one.past.introduction(hex(one.place.device));
  return author !== undefined && verifies(author.keys.signing, signedBytes(one.id), signature);
}

// What a device holds of one circle.
export class History {
  readonly held = new Map<string, Held>(); // in the order of arrival, so parents first
  readonly surplus: Held[] = []; // the first entries of equivocators' branches that nothing cited when they came

  constructor(readonly circle: Bytes) {}

  // The rows of chains that were refused, ascending. A slice that does not attach takes with it what builds on it.
  receive(batch: Batch): number[] {
    const refused = new Set<number>();
    for (;;) {
      const before = refused.size;
      const reception = new Reception(this, batch, refused);
      reception.run();
      const surplus = refused.size === before ? reception.surplus() : [];
      if (refused.size > before) continue;
      for (const one of reception.staged.values()) this.add(one);
      this.surplus.push(...surplus);
      return [...refused].sort((a, b) => a - b);
    }
  }

  add(one: Held): void {
    this.held.set(hex(one.id), one);
  }

  branches(): Map<string, number> {
    return branchesOf(this.held.values());
  }

  equivocators(): Set<string> {
    return equivocatorsOf(this.branches());
  }

  counting(): Set<Held> {
    return countingOf([...this.held.values()], this.equivocators());
  }

  // Of every branch that is held.
  heads(): Head[] {
    return headsOf(this.held.values());
  }

  // The frontier's digest: what counts, and the equivocators whose introduction counts.
  digest(): Bytes {
    const counting = this.counting();
    const introductions = [...this.equivocators()].map((device) => this.held.get(device));
    const equivocators = introductions.filter((one) => one !== undefined && counting.has(one)).map((one) => one!.id);
    return frontierDigest(headsOf(counting), equivocators);
  }
}

function equivocatorsOf(branches: ReadonlyMap<string, number>): Set<string> {
  return new Set([...branches].filter(([, count]) => count > branchesOfOne).map(([device]) => device));
}

// What counts although its author may be an equivocator: it is in the past of an entry of a device that is none.
function countingOf(entries: readonly Held[], equivocators: ReadonlySet<string>): Set<Held> {
  if (equivocators.size === 0) return new Set(entries);
  const counting = new Set<Held>();
  const due = entries.filter(({ place }) => !equivocators.has(hex(place.device)));
  for (let one = due.pop(); one !== undefined; one = due.pop()) {
    if (counting.has(one)) continue;
    counting.add(one);
    due.push(...one.parents, ...(one.previous === undefined ? [] : [one.previous]));
  }
  return counting;
}

// The entries that none of the others continues.
function headsOf(entries: Iterable<Held>): Head[] {
  const all = [...entries];
  const continued = new Set(all.map(({ previous }) => previous));
  const heads = all.filter((one) => !continued.has(one));
  return heads.map(({ place, id }): Head => [place.device, place.incarnation, place.sequence, id]).sort(compareHeads);
}

export function compareHeads(a: Head, b: Head): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]) || Number(a[2] - b[2]) || compare(a[3], b[3]);
}

export function frontierDigest(heads: readonly Head[], equivocators: readonly Bytes[], gaps: readonly Head[] = []): Bytes {
  const rows = (places: readonly Head[]) => [...places].sort(compareHeads).map((place) => [...place]);
  return H("cs1 frontier", encode([rows(heads), [...equivocators].sort(compare), rows(gaps)]));
}

// A branch begins where an entry has no previous one, or not the first that names it.
function branchesOf(entries: Iterable<Held>): Map<string, number> {
  const continued = new Set<Held>();
  const branches = new Map<string, number>();
  for (const { place, previous } of entries) {
    const begins = previous === undefined || continued.has(previous);
    if (previous !== undefined) continued.add(previous);
    const device = hex(place.device);
    if (begins) branches.set(device, (branches.get(device) ?? 0) + 1);
  }
  return branches;
}

// The entry at this sequence in the chain of another: itself, or one before it.
function ancestor(one: Held | undefined, sequence: bigint): Held | undefined {
  while (one !== undefined && one.place.sequence > sequence) one = one.previous;
  return one;
}

// One pass through a batch. It ends with what would be held, or makes the set of refused rows greater.
class Reception {
  readonly staged = new Map<string, Held>();
  private readonly taken: Held[][]; // by row of chains: its entries so far that attach
  private readonly branches: Map<string, number>;
  private readonly continued: Set<Held>;
  private readonly beyond = new Map<number, Held>(); // by row: the first entry of a branch of a device that has too many

  constructor(
    private readonly history: History,
    private readonly batch: Batch,
    private readonly refused: Set<number>,
  ) {
    this.taken = batch.chains.map(() => []);
    this.branches = history.branches();
    this.continued = new Set([...history.held.values()].flatMap(({ previous }) => previous ?? []));
  }

  run(): void {
    for (const row of this.batch.entries) {
      const chain = this.batch.chains[row.chain]!;
      if (this.taken[row.chain]!.length < Number(row.sequence - chain.first)) continue; // one before it was refused
      this.take(row, chain);
    }
    for (const [row, { signature }] of this.batch.chains.entries()) {
      holds((signature.length > 0) === this.batch.counts[row]! > 0, "batch.signature");
      if (signature.length > 0 && !this.refused.has(row)) this.verify(row, signature);
    }
  }

  private take(row: EntryRow, chain: ChainRow): void {
    const ground = row.version === 1 ? this.ground(row, chain) : undefined;
    if (ground === undefined) return this.refuse(row.chain);
    const { device, incarnation } = chain;
    const outline = this.outline(row, ground);
    const place = { circle: this.history.circle, device, incarnation, sequence: row.sequence, previous: ground.previous?.id ?? zeros32 };
    const id = idOf(headerOf(row.kind === kindFound ? beforeItsId(place) : place, outline));
    const there = this.find(id);
    if (there !== undefined) {
      this.taken[row.chain]!.push(there);
    } else if (this.refused.has(row.chain) || row.form !== Form.full || !this.isIntroduced(row, chain, ground) || !this.hasRoom(chain, ground)) {
      this.refuse(row.chain);
    } else {
      if (row.kind === kindFound) holds(equal(id, this.history.circle) && equal(chain.device, id) && row.sequence === 1n, "entry.found");
      this.stage(row, place, outline, id, ground);
    }
  }

  private find(id: Bytes): Held | undefined {
    const key = hex(id);
    return this.history.held.get(key) ?? this.staged.get(key);
  }

  private refuse(row: number): void {
    this.refused.add(row);
    for (const { id } of this.taken[row]!) this.staged.delete(hex(id));
    this.taken[row] = this.taken[row]!.filter(({ id }) => this.history.held.has(hex(id)));
  }

  // Undefined if something that it builds on is not here: a gap.
  private ground(row: EntryRow, chain: ChainRow): Ground | undefined {
    const begins = row.sequence === chain.first;
    if (begins) holds(chain.first > 1n || equal(chain.previous, zeros32), "batch.previous");
    const previous = begins ? this.before(chain) : this.taken[row.chain]!.at(-1);
    if (previous === undefined && row.sequence > 1n) return undefined;
    holds(0n <= row.clock && row.clock < maxClock, "entry.clock");
    const parents: Held[] = [];
    for (const cited of row.parents) {
      holds(cited.sequence >= 1n, "entry.parents");
      const parent = this.cited(cited);
      if (parent === undefined) return undefined;
      holds(!isInOwnChain(parent, previous, chain), "entry.own-chain");
      parents.push(parent);
    }
    return { previous, parents };
  }

  // Whoever begins a chain has been introduced in the past of its first entry, by one who had the right.
  private isIntroduced(row: EntryRow, chain: ChainRow, ground: Ground): boolean {
    return row.sequence > 1n || row.kind === kindFound || pastOf(ground).introduction(hex(chain.device)) !== undefined;
  }

  // The entry before the first one of a row, at its place in the same chain.
  private before(chain: ChainRow): Held | undefined {
    const there = chain.first === 1n ? undefined : this.find(chain.previous);
    if (there === undefined || there.place.sequence !== chain.first - 1n) return undefined;
    return equal(there.place.device, chain.device) && equal(there.place.incarnation, chain.incarnation) ? there : undefined;
  }

  private cited({ row, sequence }: Cited): Held | undefined {
    const chain = this.batch.chains[row]!;
    if (sequence >= chain.first) return this.taken[row]![Number(sequence - chain.first)];
    return ancestor(this.before(chain), sequence);
  }

  private outline(row: EntryRow, ground: Ground): Outline {
    const parents = ground.parents.map(({ id }) => id);
    checkParents(parents);
    holds(row.kind === kindCase || row.case === undefined || equal(row.case, this.history.circle), "entry.case");
    const within = row.kind === kindFound ? zeros32 : row.case;
    return {
      height: heightOn(ground),
      clock: row.clock, kind: row.kind, parents,
      shape: within === undefined ? readHashed(row.shape) : hashShape(within, row.shape),
      content: row.form === Form.full ? hashContent(row.content) : readHashed(row.content),
    };
  }

  private opensBranch({ previous }: Ground): boolean {
    return previous === undefined || this.continued.has(previous);
  }

  // Room for another branch of its device (30-history, what attaches).
  private hasRoom(chain: ChainRow, ground: Ground): boolean {
    if (!this.opensBranch(ground)) return true;
    const all = [...this.branches.values()];
    const total = all.reduce((sum, count) => sum + count, 0);
    const beyond = all.reduce((sum, count) => sum + Math.max(0, count - branchesOfOne - 1), 0);
    return total < maxBranches && (this.branchesOf(chain.device) <= branchesOfOne || beyond < maxBranchesBeyond);
  }

  private branchesOf(device: Bytes): number {
    return this.branches.get(hex(device)) ?? 0;
  }

  // Equivocators' branches that nothing cites, as far as their peer may still bring any: 256 of each device that was known as
  // one before this batch. The rows of the others are refused.
  surplus(): Held[] {
    if (this.beyond.size === 0) return [];
    const counting = countingOf([...this.history.held.values(), ...this.staged.values()], equivocatorsOf(this.branches));
    const room = new Map([...this.history.equivocators()].map((device) => [device, maxSurplus]));
    const taken: Held[] = [];
    for (const one of this.history.surplus) if (!counting.has(one)) take(room, one);
    for (const [row, one] of [...this.beyond].sort(([a], [b]) => a - b)) {
      if (this.refused.has(row) || counting.has(one)) continue;
      if (take(room, one)) taken.push(one);
      else this.refused.add(row);
    }
    return taken;
  }

  private stage(row: EntryRow, place: Place, outline: Outline, id: Bytes, ground: Ground): void {
    const one = judge(id, place, outline, row.case!, readMeaning(row.kind, row.shape, row.content), ground);
    if (this.opensBranch(ground)) {
      if (this.branchesOf(place.device) > branchesOfOne) this.beyond.set(row.chain, one);
      this.branches.set(hex(place.device), this.branchesOf(place.device) + 1);
    }
    if (ground.previous !== undefined) this.continued.add(ground.previous);
    this.staged.set(hex(id), one);
    this.taken[row.chain]!.push(one);
  }

  // The last signature of a slice covers all of it.
  private verify(row: number, signature: Bytes): void {
    const last = this.taken[row]!.at(-1)!;
    holds(this.history.held.has(hex(last.id)) || isSigned(last, signature), "signature");
  }
}

function take(room: Map<string, number>, { place }: Held): boolean {
  const left = room.get(hex(place.device)) ?? 0;
  room.set(hex(place.device), Math.max(0, left - 1));
  return left > 0;
}

function isInOwnChain(parent: Held, previous: Held | undefined, chain: ChainRow): boolean {
  if (!equal(parent.place.device, chain.device) || !equal(parent.place.incarnation, chain.incarnation)) return false;
  return ancestor(previous, parent.place.sequence) === parent;
}

// What is folded, by case, ascending by the id of the case: case entries that count, and are neither void nor opaque.
export function casesOf(history: History): Map<string, Held[]> {
  const counting = history.counting();
  const cases = new Map<string, Held[]>();
  for (const one of history.held.values()) {
    if (one.outline.kind !== kindCase || one.isVoid || one.meaning.opaque || !counting.has(one)) continue;
    const id = hex(one.case);
    cases.set(id, [...(cases.get(id) ?? []), one]);
  }
  return new Map([...cases].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function foldedOf({ id, place, outline, meaning }: Held): Folded {
  const { device, incarnation, sequence } = place;
  const { operations, values } = meaning;
  return { id, device, incarnation, sequence, height: outline.height, clock: outline.clock, operations, values };
}
