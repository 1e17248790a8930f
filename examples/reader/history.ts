// What is held of one circle: entries, the branches that they form, and which of them count (30-history).

import { compare, hex, type Bytes } from "./bytes.js";
import { encode } from "./codec.js";
import { kindCase } from "./control.js";
import { signedBytes, type Meaning, type Outline, type Place } from "./entry.js";
import { type Folded } from "./fold.js";
import { H } from "./hash.js";
import { verifies } from "./key.js";
import { ControlPast, counts } from "./membership.js";

export const branchesOfOne = 16; // a device with more is an equivocator

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

  // The same, to be added to.
  copy(): History {
    const same = new History(this.circle);
    for (const one of this.held.values()) same.add(one);
    same.surplus.push(...this.surplus);
    return same;
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

export function equivocatorsOf(branches: ReadonlyMap<string, number>): Set<string> {
  return new Set([...branches].filter(([, count]) => count > branchesOfOne).map(([device]) => device));
}

// What counts although its author may be an equivocator: it is in the past of an entry of a device that is none.
export function countingOf(entries: readonly Held[], equivocators: ReadonlySet<string>): Set<Held> {
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

// What is folded, by case, ascending by the id of the case: case entries that count, and are not void.
export function casesOf(history: History): Map<string, Held[]> {
  const counting = history.counting();
  const cases = new Map<string, Held[]>();
  for (const one of history.held.values()) {
    if (one.outline.kind !== kindCase || one.isVoid || !counting.has(one)) continue;
    const id = hex(one.case);
    if (!cases.has(id)) cases.set(id, []);
    cases.get(id)!.push(one);
  }
  return new Map([...cases].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function foldedOf({ id, place, outline, meaning }: Held): Folded {
  const { device, incarnation, sequence } = place;
  const { operations, values } = meaning;
  return { id, device, incarnation, sequence, height: outline.height, clock: outline.clock, operations, values };
}
