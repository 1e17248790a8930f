// Reads an exported vault, and shows what is in it as JSON.
//
//     cellsync backup FOLDER
//     node build/read.js FOLDER < passphrase
//
// Lines after the first are passphrases of circles that have their own. Without its own, a circle is left out but for its id.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import initSql from "sql.js";
import { hex } from "./bytes.js";
import { floorOf, recoveryInForce } from "./charter.js";
import { isLocked, unlock, type Circle, type Locked, type Open } from "./circle.js";
import { Role } from "./control.js";
import { circleDigest, documentsOf, stateDigest } from "./digest.js";
import { VaultError } from "./finding.js";
import { type Held, type History } from "./history.js";
import { decipher } from "./pages.js";
import { showCase } from "./shown.js";
import { Damaged, Stored } from "./stored.js";
import { openVault } from "./vault.js";

const { Database } = await initSql();

// A backup is the folder of a vault, or has it inside.
function folderOf(given: string): string {
  return existsSync(join(given, "vault", "vault")) ? join(given, "vault") : given;
}

function historyOf(folder: string, { id, file, key }: Open): History {
  const path = join(folder, hex(file));
  if (existsSync(`${path}-wal`) && readFileSync(`${path}-wal`).length > 0) {
    throw new Damaged("the vault is open, or was not closed: let cellsync open it, and make a backup");
  }
  const image = decipher(key, readFileSync(path));
  if (image === undefined) throw new Damaged("a page is not what was written");
  const database = new Database(image);
  try {
    return new Stored(database, id).read();
  } finally {
    database.close();
  }
}

function memberOf({ id, meaning, isVoid }: Held): object[] {
  const { introduction } = meaning;
  if (introduction === undefined || isVoid) return [];
  return [{ device: hex(id), name: introduction.names.at(-1), role: Role[introduction.role] }];
}

function show(history: History): object {
  const held = [...history.held.values()];
  const documents = documentsOf(history);
  return {
    circle: hex(history.circle),
    name: history.held.get(hex(history.circle))?.meaning.introduction?.names[0],
    entries: held.length,
    void: held.filter(({ isVoid }) => isVoid).length,
    digest: hex(history.digest()),
    devices: held.flatMap(memberOf),
    floor: floorOf(history),
    recovery: recoveryInForce(history).map(({ signing }) => hex(signing)),
    state: hex(circleDigest(documents)),
    cases: documents.map(({ id, state }) => ({ id, digest: hex(stateDigest(state)), ...showCase(state) })),
  };
}

// A circle opens with any of these, and each of them has to open one.
function unlockAll(circles: readonly Circle[], own: readonly string[]): Circle[] {
  const used = new Set<string>();
  const tried = circles.map((circle) => {
    if (!isLocked(circle)) return circle;
    for (const passphrase of own) {
      const opened = unlock(circle, passphrase);
      if (opened !== undefined) {
        used.add(passphrase);
        return opened;
      }
    }
    return circle;
  });
  if (own.some((passphrase) => !used.has(passphrase))) throw new VaultError("wrong_passphrase");
  return tried;
}

function showLocked({ id }: Locked): object {
  return { circle: hex(id), locked: true };
}

function read(given: string, [passphrase = "", ...own]: string[], cheap: boolean): object {
  const folder = folderOf(given);
  const path = join(folder, "vault");
  if (!existsSync(path)) throw new VaultError("vault_missing");
  const { name, circles } = openVault(readFileSync(path), passphrase, cheap);
  const shown = unlockAll(circles, own).map((circle) =>
    isLocked(circle) ? showLocked(circle) : show(historyOf(folder, circle)),
  );
  return { name, circles: shown };
}

const [given, ...options] = process.argv.slice(2);
if (given === undefined) {
  console.error("node build/read.js FOLDER < passphrase");
  process.exit(2);
}
try {
  const passphrases = readFileSync(0, "utf8").replace(/\r?\n$/, "").split(/\r?\n/);
  console.log(JSON.stringify(read(given, passphrases, options.includes("--cheap")), undefined, 1));
} catch (error) {
  if (!(error instanceof VaultError || error instanceof Damaged)) throw error;
  console.error(error.message);
  process.exit(1);
}
