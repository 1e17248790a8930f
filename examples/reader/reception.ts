// What of a batch attaches to what is held (30-history, Chains), and in which order that is checked (05-rules).

import { equal, hex, zeros32, type Bytes } from "./bytes.js";
import { type Batch, type ChainRow, type Cited, type EntryRow } from "./batch.js";
import { kindCase, kindFound } from "./control.js";
import {
  beforeItsId, checkParents, Form, hashContent, hashShape, headerOf, idOf, maxClock, readHashed, readMeaning,
  withheldMeaning, type Outline, type Place,
} from "./entry.js";
import { holds } from "./fault.js";
import {
  branchesOfOne, countingOf, equivocatorsOf, heightOn, isSigned, judge, pastOf, type Ground, type Held, type History,
} from "./history.js";

const maxBranches = 16_384;
const maxBranchesBeyond = 15_568;
const maxSurplus = 256;

// Takes in a batch, and tells which rows of chains were refused, ascending. A slice that does not attach takes with it what
// builds on it. `isTold`: what is withheld is taken for entries of its header (50-sync, Suspended and removed devices).
export function receive(history: History, batch: Batch, isTold = false): number[] {
  const refused = new Set<number>();
  for (;;) {
    const before = refused.size;
    const pass = new Pass(history, batch, refused, isTold);
    pass.run();
    const surplus = refused.size === before ? pass.surplus() : [];
    if (refused.size > before) continue;
    for (const one of pass.staged.values()) history.add(one);
    history.surplus.push(...surplus);
    return [...refused].sort((a, b) => a - b);
  }
}

// The entry at this sequence in the chain of another: itself, or one before it.
function ancestor(one: Held | undefined, sequence: bigint): Held | undefined {
  while (one !== undefined && one.place.sequence > sequence) one = one.previous;
  return one;
}

// One pass through a batch. It ends with what would be held, or makes the set of refused rows greater.
class Pass {
  readonly staged = new Map<string, Held>();
  private readonly taken: Held[][]; // by row of chains: its entries so far that attach
  private readonly befores = new Map<number, Held | undefined>(); // by row, once it has been used
  private readonly branches: Map<string, number>;
  private readonly continued: Set<Held>;
  private readonly beyond = new Map<number, Held>(); // by row: the first entry of a branch of a device that has too many

  constructor(
    private readonly history: History,
    private readonly batch: Batch,
    readonly refused: Set<number>,
    private readonly isTold: boolean,
  ) {
    this.taken = batch.chains.map(() => []);
    this.branches = history.branches();
    this.continued = new Set([...history.held.values()].flatMap(({ previous }) => previous ?? []));
  }

  run(): void {
    for (const row of this.batch.entries) {
      this.before(row.chain);
      if (!this.refused.has(row.chain)) this.take(row, this.batch.chains[row.chain]!);
    }
    for (const [row, { signature }] of this.batch.chains.entries()) {
      holds((signature.length > 0) === this.batch.counts[row]! > 0, "batch.signature");
      if (signature.length > 0 && !this.refused.has(row)) this.verify(row, signature);
    }
  }

  private take(row: EntryRow, chain: ChainRow): void {
    const ground = this.ground(row, chain);
    if (ground === undefined) return this.refuse(row.chain);
    const { device, incarnation } = chain;
    const outline = this.outline(row, ground);
    const previous = ground.previous?.id ?? zeros32;
    const place = { circle: this.history.circle, device, incarnation, sequence: row.sequence, previous };
    const id = idOf(headerOf(row.kind === kindFound ? beforeItsId(place) : place, outline));
    const there = this.find(id);
    if (there !== undefined) {
      this.taken[row.chain]!.push(there);
    } else if (this.attaches(row, chain, ground)) {
      const isTheCircles = equal(id, this.history.circle) && equal(device, id) && row.sequence === 1n;
      if (row.kind === kindFound) holds(isTheCircles, "entry.found");
      this.stage(row, place, outline, id, ground);
    } else {
      this.refuse(row.chain);
    }
  }

  // An entry that is new here.
  private attaches(row: EntryRow, chain: ChainRow, ground: Ground): boolean {
    const isThere = row.form === Form.full || (this.isTold && (row.form === Form.erased || row.kind === kindCase));
    return isThere && this.isIntroduced(row, chain, ground) && this.hasRoom(chain, ground);
  }

  private find(id: Bytes): Held | undefined {
    const key = hex(id);
    return this.history.held.get(key) ?? this.staged.get(key);
  }

  // Nothing can be cited through a row that is refused, from its first entry on, although some of it may be held.
  private refuse(row: number): void {
    this.refused.add(row);
    for (const { id } of this.taken[row]!) this.staged.delete(hex(id));
    this.taken[row] = [];
  }

  // Undefined if something that it builds on is not here: a gap.
  private ground(row: EntryRow, chain: ChainRow): Ground | undefined {
    const begins = row.sequence === chain.first;
    if (begins) holds(chain.first > 1n || equal(chain.previous, zeros32), "batch.previous");
    const previous = begins ? this.before(row.chain) : this.taken[row.chain]!.at(-1);
    if ((previous === undefined && row.sequence > 1n) || row.version > 1) return undefined;
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

  // The entry before the first one of a row, as it is when the row is used first.
  private before(row: number): Held | undefined {
    if (!this.befores.has(row)) this.befores.set(row, this.lookUp(this.batch.chains[row]!));
    return this.befores.get(row);
  }

  private lookUp(chain: ChainRow): Held | undefined {
    const there = chain.first === 1n ? undefined : this.find(chain.previous);
    if (there === undefined || there.place.sequence !== chain.first - 1n) return undefined;
    return equal(there.place.device, chain.device) && equal(there.place.incarnation, chain.incarnation) ? there : undefined;
  }

  private cited({ row, sequence }: Cited): Held | undefined {
    const chain = this.batch.chains[row]!;
    if (sequence >= chain.first) return this.taken[row]![Number(sequence - chain.first)];
    return ancestor(this.before(row), sequence);
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
    for (const one of this.history.surplus) if (!counting.has(one)) takeRoom(room, one);
    for (const [row, one] of [...this.beyond].sort(([a], [b]) => a - b)) {
      if (this.refused.has(row) || counting.has(one)) continue;
      if (takeRoom(room, one)) taken.push(one);
      else this.refused.add(row);
    }
    return taken;
  }

  private stage(row: EntryRow, place: Place, outline: Outline, id: Bytes, ground: Ground): void {
    const isFull = row.form === Form.full;
    const meaning = isFull ? readMeaning(row.kind, row.shape, row.content) : withheldMeaning(row.kind, row.form, row.shape);
    const one = judge(id, place, outline, row.case ?? zeros32, meaning, ground);
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

function takeRoom(room: Map<string, number>, { place }: Held): boolean {
  const left = room.get(hex(place.device)) ?? 0;
  room.set(hex(place.device), Math.max(0, left - 1));
  return left > 0;
}

function isInOwnChain(parent: Held, previous: Held | undefined, chain: ChainRow): boolean {
  if (!equal(parent.place.device, chain.device) || !equal(parent.place.incarnation, chain.incarnation)) return false;
  return ancestor(previous, parent.place.sequence) === parent;
}
