// Who may do what (40-membership, rules 1 and 2). An entry is judged against the grants in its own past, and nothing else.

import { hex } from "./bytes.js";
import { kindAdmit, kindCase, kindFound, kindRecovery, kindRequire, Role, type Introduction } from "./control.js";
import { type Meaning } from "./entry.js";

const maxDevices = 48;

// The grants that count in the past of an entry, by the id of the device that each introduces.
export class ControlPast {
  static readonly empty = new ControlPast(new Map());

  private constructor(private readonly grants: ReadonlyMap<string, Introduction>) {}

  introduction(device: string): Introduction | undefined {
    return this.grants.get(device);
  }

  with(device: string, introduction: Introduction): ControlPast {
    return new ControlPast(new Map([...this.grants, [device, introduction]]));
  }

  // Most entries cite what has the same past: the greater of two is returned as it is if it holds the other.
  and(other: ControlPast): ControlPast {
    if (this === other) return this;
    const [few, many] = this.grants.size < other.grants.size ? [this, other] : [other, this];
    if ([...few.grants.keys()].every((device) => many.grants.has(device))) return many;
    return new ControlPast(new Map([...few.grants, ...many.grants]));
  }

  // Rule 1: a key that was introduced in this past cannot be introduced again, and a past has 48 devices at most.
  hasRoomFor({ keys }: Introduction): boolean {
    if (this.grants.size >= maxDevices) return false;
    const taken = new Set([...this.grants.values()].flatMap((one) => keysOf(one.keys)));
    return keysOf(keys).every((key) => !taken.has(key));
  }
}

function keysOf({ signing, session, seal }: Introduction["keys"]): string[] {
  return [signing, session, seal].map(hex);
}

// Rule 2: the role that each kind requires. What this edition does not know never counts.
const required: ReadonlyMap<number, Role> = new Map([
  [kindCase, Role.writer],
  [kindAdmit, Role.coordinator],
  [kindRequire, Role.coordinator],
  [kindRecovery, Role.coordinator],
]);

// Whether an entry counts, by its author's right in its own past.
export function counts(kind: number, author: string, past: ControlPast, { introduction, unknown }: Meaning): boolean {
  if (kind === kindFound) return true;
  const role = required.get(kind);
  const held = past.introduction(author)?.role;
  if (unknown || role === undefined || held === undefined || held < role) return false;
  return introduction === undefined || past.hasRoomFor(introduction);
}
