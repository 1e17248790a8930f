// A circle's database (70-vault, Databases), read as what it stores: entries. All the rest of it is computed from them anew.

import { type Database, type SqlValue } from "sql.js";
import { equal, zeros32, type Bytes } from "./bytes.js";
import { kindFound } from "./control.js";
import { beforeItsId, hashContent, hashShape, headerOf, idOf, readMeaning } from "./entry.js";
import { heightOn, History, isSigned, judge, type Held } from "./history.js";

const application = 0x63737931;
const version = 6;
const sequences = 2n ** 40n;

export class Damaged extends Error {}

// A slot is the number of a branch, and a sequence: two integers in one.
type Slot = bigint;

interface Branch {
  readonly device: Bytes;
  readonly incarnation: Bytes;
  readonly base: bigint; // the branch that it leaves, 0 if none
  readonly first: bigint;
}

type Row = Record<string, SqlValue>;

// Integers come as texts: slots and clocks are greater than a number of JavaScript may be.
function* rows(database: Database, table: string, integers: string[], blobs: string[], order: string): Generator<Row> {
  const columns = [...integers.map((column) => `CAST(${column} AS TEXT) AS ${column}`), ...blobs];
  const statement = database.prepare(`SELECT ${columns.join(", ")} FROM ${table} ORDER BY ${table}.${order}`);
  try {
    while (statement.step()) yield statement.getAsObject();
  } finally {
    statement.free();
  }
}

const bytes = (value: SqlValue | undefined): Bytes => value as Bytes;
const integer = (value: SqlValue | undefined): bigint => BigInt(value as string);

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Damaged(what);
}

function slotsIn(parents: Bytes): Slot[] {
  const view = new DataView(parents.buffer, parents.byteOffset, parents.length);
  return Array.from({ length: parents.length / 8 }, (_, i) => view.getBigUint64(8 * i));
}

export class Stored {
  private readonly branches = new Map<bigint, Branch>();
  private readonly cases = new Map<bigint, Bytes>();
  private readonly slots = new Map<bigint, Slot>(); // by the number of an entry: its place in the order of arrival
  private readonly held = new Map<Slot, Held>();

  constructor(private readonly database: Database, private readonly circle: Bytes) {
    must(this.pragma("application_id") === application, "this is no database of a circle");
    must(this.pragma("user_version") === version, "another version of the schema: let cellsync open the vault once");
    for (const row of rows(database, "chains", ["number", "base", "first"], ["device", "incarnation"], "number")) {
      const { device, incarnation, base, first } = row;
      this.branches.set(integer(row["number"]), {
        device: bytes(device), incarnation: bytes(incarnation), base: integer(base), first: integer(first),
      });
    }
    for (const { number, id } of rows(database, "cases", ["number"], ["id"], "number")) {
      this.cases.set(integer(number), bytes(id));
    }
    for (const { first, last, ahead } of rows(database, "slices", ["first", "last", "ahead"], [], "last")) {
      for (let slot = integer(first); slot <= integer(last); slot++) this.slots.set(slot - integer(ahead), slot);
    }
  }

  private pragma(name: string): SqlValue | undefined {
    return this.database.exec(`PRAGMA ${name}`)[0]?.values[0]?.[0];
  }

  // Every entry, with its id computed anew and its signature verified, in the order of arrival.
  read(): History {
    const history = new History(this.circle);
    const unsigned = new Set<Held>();
    const blobs = ["id", "parents", "shape", "content", "signature"];
    for (const row of rows(this.database, "entries", ["number", "case_number", "clock", "kind", "form"], blobs, "number")) {
      const one = this.entry(row);
      const { signature } = row;
      if (signature === null) unsigned.add(one);
      else {
        must(isSigned(one, bytes(signature)), "a signature does not verify");
        for (let covered = one.previous; covered !== undefined && unsigned.delete(covered);) covered = covered.previous;
      }
      history.add(one);
    }
    must(unsigned.size === 0, "an entry that no signature covers");
    return history;
  }

  private entry(row: Row): Held {
    const slot = this.slots.get(integer(row["number"]));
    must(slot !== undefined, "an entry in no slice");
    const sequence = slot % sequences;
    const branch = this.branches.get(slot / sequences);
    const within = this.cases.get(integer(row["case_number"]));
    must(branch !== undefined && within !== undefined && integer(row["form"]) === 0n, "an entry that stands nowhere");
    const parents = slotsIn(bytes(row["parents"])).map((parent) => this.at(parent));
    const previous = sequence === 1n ? undefined : this.at(this.before(slot, branch));
    const [kind, shape, content] = [Number(row["kind"]), bytes(row["shape"]), bytes(row["content"])];
    const place = { circle: this.circle, ...branch, sequence, previous: previous?.id ?? zeros32 };
    const outline = {
      height: heightOn({ previous, parents }), clock: integer(row["clock"]), kind,
      shape: hashShape(kind === kindFound ? zeros32 : within, shape), content: hashContent(content),
      parents: parents.map(({ id }) => id),
    };
    const id = idOf(headerOf(kind === kindFound ? beforeItsId(place) : place, outline));
    must(equal(id, bytes(row["id"])), "an entry whose id is that of another one");
    const one = judge(id, place, outline, within, readMeaning(kind, shape, content), { previous, parents });
    this.held.set(slot, one);
    return one;
  }

  private at(slot: Slot): Held {
    const one = this.held.get(slot);
    must(one !== undefined, `nothing is in slot ${slot}`);
    return one;
  }

  // The slot before this one: in the same branch, or in the nearest one that it leaves which is there at this sequence.
  private before(slot: Slot, branch: Branch): Slot {
    const sequence = (slot % sequences) - 1n;
    let number = slot / sequences;
    for (let there = branch; sequence < there.first; there = this.branches.get(number)!) {
      number = there.base;
      must(this.branches.has(number), "a branch that leaves none");
    }
    return number * sequences + sequence;
  }
}
