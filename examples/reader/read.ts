// Reads an exported vault, and shows what is in it as JSON.
//
//     cellsync backup FOLDER
//     node build/read.js FOLDER < passphrase

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import initSql from "sql.js";
import { hex } from "./bytes.js";
import { floorOf, recoveryInForce } from "./charter.js";
import { Role } from "./control.js";
import { circleDigest, documentsOf, stateDigest } from "./digest.js";
import { type Held, type History } from "./history.js";
import { decipher } from "./pages.js";
import { showCase } from "./shown.js";
import { Damaged, Stored } from "./stored.js";
import { openVault, VaultError, type Circle } from "./vault.js";

const { Database } = await initSql();

// A backup is the folder of a vault, or has it inside.
function folderOf(given: string): string {
  return existsSync(join(given, "vault", "vault")) ? join(given, "vault") : given;
}

function historyOf(folder: string, { id, file, key }: Circle): History {
  const path = join(folder, hex(file));
  if (existsSync(`${path}-wal`) && readFileSync(`${path}-wal`).length > 0) {
    throw new Damaged("the vault is open, or was not closed: make a backup of it");
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

function read(given: string, passphrase: string, cheap: boolean): object {
  const folder = folderOf(given);
  const path = join(folder, "vault");
  if (!existsSync(path)) throw new VaultError("vault_missing");
  const vault = openVault(readFileSync(path), passphrase, cheap);
  return { name: vault.name, circles: vault.circles.map((circle) => show(historyOf(folder, circle))) };
}

const [given, ...options] = process.argv.slice(2);
if (given === undefined) {
  console.error("node build/read.js FOLDER < passphrase");
  process.exit(2);
}
try {
  const passphrase = readFileSync(0, "utf8").replace(/\r?\n$/, "");
  console.log(JSON.stringify(read(given, passphrase, options.includes("--cheap")), undefined, 1));
} catch (error) {
  if (!(error instanceof VaultError || error instanceof Damaged)) throw error;
  console.error(error.message);
  process.exit(1);
}
