// What may be said next in a session (50-sync): which circles have a name, and what each side has said about them.

import { equal, hex, type Bytes } from "./bytes.js";
import { Batch, maxChains } from "./batch.js";
import { decode, type Value } from "./codec.js";
import { holds } from "./fault.js";
import { isArray, isBytes } from "./form.js";
import { maxPayload, readMessage } from "./message.js";
import { offered } from "./tag.js";

type Side = "caller" | "callee";

export interface Circle {
  readonly circle: Bytes;
  readonly psk: Bytes;
  readonly active: boolean; // the peer, now
}

export interface Setting {
  readonly role: Side;
  readonly hash: Bytes; // of the handshake
  readonly hinted: Bytes;
  readonly circles: readonly Circle[];
}

const maxUnacknowledged = 2;
const maxSteps = 65_536; // of all paths that wait to be looked up
const whereaboutsAtOnce = 16;
const maxWanted = 32; // epochs of a circle
const nameSize = 8;

enum Message { offer = 1, digest, frontier, batch, ack, path = 8, whereabouts = 10, clock, detached, wanted, states }

// A part of a batch may name rows of the parts before, so its rows are read where those are known.
function read(payload: Bytes): Value[] {
  holds(payload.length <= maxPayload, "cap.frame");
  const message = decode(payload, "message");
  return isArray(message) && message[0] === 4n && isBytes(message[1]) ? message : readMessage(payload);
}

// A circle that has a name in this session, and what was said about it.
class Spoken {
  digests = 0; // of the peer
  steps = 0;
  arriving: Batch | undefined;
  uncommitted = 0;
  sending: Batch | undefined;
  wanted = 0; // epochs, by the peer
  readonly asked = new Set<string>(); // for epochs that the peer has not given yet
  readonly inFlight: number[] = []; // how many rows of chains each batch has
  readonly told = [new Set<string>(), new Set<string>(), new Set<string>()]; // rows of frontiers

  constructor(readonly of: Circle) {}

  receivePart(fields: Value[]): void {
    if (this.arriving === undefined) {
      holds(this.uncommitted < maxUnacknowledged, "cap.unacknowledged");
      this.uncommitted++;
      this.arriving = new Batch();
    }
    this.arriving.add(fields);
    if (this.arriving.isWhole) this.arriving = undefined;
  }

  sendPart(fields: Value[]): void {
    this.sending ??= new Batch();
    this.sending.add(fields);
    if (!this.sending.isWhole) return;
    this.inFlight.push(this.sending.chains.length);
    this.sending = undefined;
  }

  receiveAck(refused: readonly bigint[]): void {
    const rows = this.inFlight.shift();
    holds(rows !== undefined, "ack.nothing");
    holds(refused.every((row) => row < BigInt(rows)), "ack.row");
  }

  receiveFrontier(tables: readonly Value[][]): void {
    tables.forEach((table, i) => {
      for (const row of table) this.told[i]!.add(String(row));
      holds(this.told[i]!.size <= maxChains, "cap.chains");
    });
  }

  receivePaths(paths: readonly Value[][]): void {
    for (const [, , steps] of paths) this.steps += (steps as Value[]).length;
    holds(this.steps <= maxSteps, "cap.paths");
  }
}

export class Session {
  private readonly spoken = new Map<string, Spoken>(); // by name
  private readonly ours = new Set<Circle>(); // that we offered
  private readonly theirs = new Set<Circle>(); // that the peer offered
  private readonly peer: Side;
  private readonly hinted: Circle | undefined;
  private offers = 0; // of the peer
  private knowsCaller: boolean;
  private hasOffered = false;
  private clocks = 0;
  private whereabouts = 0;

  constructor(private readonly setting: Setting) {
    this.peer = setting.role === "caller" ? "callee" : "caller";
    this.hinted = setting.circles.find(({ circle }) => equal(circle, setting.hinted));
    this.knowsCaller = this.hinted?.active === true;
  }

  // Names, and the circles that have them.
  names(): string[][] {
    return [...this.spoken].map(([name, { of }]) => [name, hex(of.circle)]).sort();
  }

  weSay(payload: Bytes): void {
    const fields = read(payload);
    const about = fields[1] as Bytes;
    switch (Number(fields[0])) {
      case Message.offer:
        return this.weOffer(fields[1] as Bytes[]);
      case Message.batch:
        return this.named(about).sendPart(fields);
      case Message.ack:
        this.named(about).uncommitted--;
        return;
      case Message.wanted:
        this.shared(about).asked.add(hex(fields[2] as Bytes));
    }
  }

  theySay(payload: Bytes): void {
    const fields = read(payload);
    const about = fields[1] as Bytes;
    switch (Number(fields[0])) {
      case Message.offer:
        return this.theyOffer(fields[1] as Bytes[]);
      case Message.clock:
        return holds(++this.clocks === 1, "clock.twice");
      case Message.batch:
        return this.named(about).receivePart(fields);
      case Message.ack:
        return this.named(about).receiveAck(fields[2] as bigint[]);
      case Message.digest:
        return holds(++this.shared(about).digests === 1, "digest.twice");
      case Message.frontier:
        return this.shared(about).receiveFrontier(fields.slice(3) as Value[][]);
      case Message.path:
        return this.shared(about).receivePaths(fields[2] as Value[][]);
      case Message.whereabouts:
        this.shared(about);
        return holds(++this.whereabouts <= whereaboutsAtOnce, "whereabouts.often");
      case Message.detached:
        this.shared(about);
        return;
      case Message.wanted:
        return holds(++this.shared(about).wanted <= maxWanted, "epoch.often");
      case Message.states:
        return holds(this.shared(about).asked.delete(hex(fields[2] as Bytes)), "epoch.unasked");
    }
  }

  private tagOf({ circle, psk }: Circle, role: Side): Bytes {
    return offered(role, this.setting.hash, circle, psk);
  }

  private circlesIn(tags: readonly Bytes[], role: Side): Circle[] {
    return this.setting.circles.filter((circle) => tags.some((tag) => equal(tag, this.tagOf(circle, role))));
  }

  private weOffer(tags: readonly Bytes[]): void {
    for (const circle of this.circlesIn(tags, this.setting.role)) this.ours.add(circle);
    if (!this.hasOffered) this.knowsCaller = this.hinted !== undefined && this.ours.has(this.hinted);
    this.hasOffered = true;
    this.share();
  }

  private theyOffer(tags: readonly Bytes[]): void {
    holds(++this.offers <= (this.peer === "callee" ? 2 : 1), "offer.twice");
    for (const circle of this.circlesIn(tags, this.peer)) this.theirs.add(circle);
    this.share();
  }

  private areBothIn(circle: Circle): boolean {
    return this.ours.has(circle) && this.theirs.has(circle);
  }

  // Circles that both offered get a name, and the hinted one while one side does not know the other.
  private share(): void {
    for (const circle of this.setting.circles) {
      if (!this.areBothIn(circle) && !(circle === this.hinted && this.isIntroduced(circle))) continue;
      const name = hex(this.tagOf(circle, "caller").subarray(0, nameSize));
      if (!this.spoken.has(name)) this.spoken.set(name, new Spoken(circle));
    }
  }

  private isIntroduced(circle: Circle): boolean {
    if (this.setting.role === "caller") return this.ours.has(circle) && this.offers > 0;
    return this.theirs.has(circle) && !this.knowsCaller;
  }

  private named(name: Bytes): Spoken {
    const spoken = this.spoken.get(hex(name));
    holds(spoken !== undefined, "circle.shared");
    return spoken;
  }

  // The same, of a circle that both offered, and in which the peer is active.
  private shared(name: Bytes): Spoken {
    const spoken = this.named(name);
    holds(spoken.of.active, "circle.active");
    holds(this.areBothIn(spoken.of), "circle.shared");
    return spoken;
  }
}
