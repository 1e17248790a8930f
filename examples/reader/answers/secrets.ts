// 06-vectors, Keys and secrets.

import { equal, hex, type Bytes } from "../bytes.js";
import { isLocked, unlock, type Circle } from "../circle.js";
import { branches, commitment, psk, statesOn, type States } from "../epoch.js";
import { holds } from "../fault.js";
import { VaultError } from "../finding.js";
import { isSigningKey, verifies } from "../key.js";
import { recoveryKeys } from "../recovery.js";
import { unwrap } from "../seal.js";
import { openVault } from "../vault.js";
import { ok, type Answer, type Answers } from "./answer.js";
import { bytesOf, numberOf, textOf, type Given } from "./question.js";

function signature(given: Given): Answer {
  holds(verifies(bytesOf(given, "public"), bytesOf(given, "message"), bytesOf(given, "signature")), "signature");
  return ok();
}

function key(given: Given): Answer {
  holds(isSigningKey(bytesOf(given, "public")), "entry.keys");
  return ok();
}

export function shownStates(states: States): object {
  return Object.fromEntries(branches.map((branch) => [branch, hex(states[branch])]));
}

function epoch(given: Given): Answer {
  const root = bytesOf(given, "root");
  const states = statesOn(root, numberOf(given, "first_day"), numberOf(given, "day"));
  return ok({
    commitment: hex(commitment(root)), psk: hex(psk(states.session, bytesOf(given, "circle"))),
    states: shownStates(states),
  });
}

function wrap(given: Given): Answer {
  const root = unwrap(bytesOf(given, "seal"), bytesOf(given, "commitment"), bytesOf(given, "wrap"));
  holds(equal(commitment(root), bytesOf(given, "commitment")), "epoch.commitment");
  const day = numberOf(given, "day");
  return ok({ states: shownStates(statesOn(root, day, day)) });
}

function recovery(given: Given): Answer {
  const { signing, seal, written, device } = recoveryKeys(bytesOf(given, "secret"));
  return ok({ signing: hex(signing), seal: hex(seal), written, device: hex(device) });
}

// `own` is the passphrase of every circle that is locked.
function keyOf(circle: Circle, own: string | undefined): Bytes | null {
  if (!isLocked(circle)) return circle.key;
  if (own === undefined) return null;
  const opened = unlock(circle, own);
  if (opened === undefined) throw new VaultError("wrong_passphrase");
  return opened.key;
}

function vault(given: Given): Answer {
  try {
    const [header, passphrase, cheap] = [bytesOf(given, "header"), textOf(given, "passphrase"), given["cheap"] === true];
    const own = "own" in given ? textOf(given, "own") : undefined;
    const { signing, session, name, circles } = openVault(header, passphrase, cheap);
    const rows = circles.map((circle) => [circle.id, circle.file, keyOf(circle, own)].map((part) => part && hex(part)));
    return ok({ signing: hex(signing), session: hex(session), name, circles: rows });
  } catch (error) {
    if (error instanceof VaultError) return { expect: `fault:${error.code}` };
    throw error;
  }
}

export const secrets: Answers = { signature, key, epoch, wrap, recovery, vault };
