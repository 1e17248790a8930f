// 06-vectors, Entries and histories.

import { equal, hex, zeros32, type Bytes } from "../bytes.js";
import { Batch } from "../batch.js";
import { floorOf, recoveryInForce } from "../charter.js";
import { decode } from "../codec.js";
import { kindCase, kindFound } from "../control.js";
import { readDetached } from "../detached.js";
import { circleDigest, documentsOf, stateDigest } from "../digest.js";
import {
  checkParents, Form, hashContent, hashShape, headerOf, idOf, maxClock, readMeaning, signedBytes, type Outline, type Place,
} from "../entry.js";
import { holds } from "../fault.js";
import { fold, type Folded } from "../fold.js";
import { casesOf, foldedOf, frontierDigest, History, type Head } from "../history.js";
import { verifies } from "../key.js";
import { readMessage } from "../message.js";
import { readProof } from "../proof.js";
import { receive } from "../reception.js";
import { displayedFields } from "../shown.js";
import { caseId } from "../tag.js";
import { ok, type Answer, type Answers } from "./answer.js";
import { bytesOf, integerOf, listOf, numberOf, objectOf, textOf, type Given } from "./question.js";

function entry(given: Given): Answer {
  const [kind, shape, content] = [numberOf(given, "kind"), bytesOf(given, "shape"), bytesOf(given, "content")];
  const within = bytesOf(given, "case");
  const place: Place = {
    circle: bytesOf(given, "circle"), device: bytesOf(given, "device"), incarnation: bytesOf(given, "incarnation"),
    sequence: integerOf(given, "sequence"), previous: bytesOf(given, "previous"),
  };
  const outline: Outline = {
    height: integerOf(given, "height"), clock: integerOf(given, "clock"), kind,
    shape: hashShape(within, shape), content: hashContent(content), parents: listOf(given, "parents", bytesOf),
  };
  holds(0n <= outline.clock && outline.clock < maxClock, "entry.clock");
  checkParents(outline.parents);
  if (kind === kindFound) holds([place.circle, place.device, within].every((id) => equal(id, zeros32)), "entry.found");
  holds(kind === kindCase || equal(within, place.circle), "entry.case");
  const { opaque } = readMeaning(kind, shape, content);
  const header = headerOf(place, outline);
  const id = idOf(header);
  if (given["signature"] !== undefined) {
    holds(verifies(bytesOf(given, "signing"), signedBytes(id), bytesOf(given, "signature")), "signature");
  }
  return ok({ header: hex(header), id: hex(id), opaque });
}

function head(given: Given, field: string): Head {
  const [device, incarnation, sequence, id] = given[field] as unknown[];
  const row = { device, incarnation, sequence, id };
  return [bytesOf(row, "device"), bytesOf(row, "incarnation"), integerOf(row, "sequence"), bytesOf(row, "id")];
}

function frontier(given: Given): Answer {
  const [heads, gaps] = [listOf(given, "heads", head), listOf(given, "gaps", head)];
  return ok({ digest: hex(frontierDigest(heads, listOf(given, "equivocators", bytesOf), gaps)) });
}

function proof(given: Given): Answer {
  return ok({ ids: readProof(bytesOf(given, "proof"), bytesOf(given, "signing")).map(hex) });
}

function partsOf(given: Given, field: string): Bytes[] {
  return listOf(given, field, bytesOf);
}

// A batch is an array of its parts, and ends with its last.
function batchOf(parts: readonly Bytes[]): Batch {
  const batch = new Batch();
  for (const part of parts) {
    const message = decode(part, "message");
    const isBatch = Array.isArray(message) && message[0] === 4n;
    if (!isBatch) readMessage(part);
    if (!isBatch || batch.isWhole) throw new TypeError("a part of a batch that is none");
    batch.add(message);
  }
  if (!batch.isWhole) throw new TypeError("a batch without its last part");
  return batch;
}

function received(history: History, parts: readonly Bytes[]): { refused: number[]; ids: Set<string> } {
  const before = new Set(history.held.keys());
  const refused = receive(history, batchOf(parts));
  return { refused, ids: new Set([...history.held.keys()].filter((id) => !before.has(id))) };
}

function batch(given: Given): Answer {
  const history = new History(bytesOf(given, "circle"));
  for (const parts of listOf(given, "held", partsOf)) receive(history, batchOf(parts));
  const { refused, ids } = received(history, partsOf(given, "batch"));
  const voids = [...history.held.values()].filter(({ isVoid }) => isVoid).map(({ id }) => hex(id));
  const result = describe(history, voids);
  if (refused.length > 0) return { expect: `refused:[${refused.join(",")}]`, result };
  return { expect: voids.some((id) => ids.has(id)) ? "void" : "ok", result };
}

// What is told is not held: it is looked at together with what is, and belongs to no digest.
function telling(given: Given): Answer {
  const history = new History(bytesOf(given, "circle"));
  for (const parts of listOf(given, "held", partsOf)) receive(history, batchOf(parts));
  const batch = batchOf(partsOf(given, "batch"));
  const untaken = receive(history, batch);
  const heard = history.copy();
  for (const parts of listOf(given, "told", partsOf)) receive(heard, batchOf(parts), true);
  const lost = batch.entries.some(({ form }) => form !== Form.full) ? receive(heard, batch, true) : untaken;
  const refused = untaken.filter((row) => lost.includes(row));
  const told = [...heard.held.keys()].filter((id) => !history.held.has(id)).sort();
  return { expect: refused.length > 0 ? `refused:[${refused.join(",")}]` : "ok", result: { digest: hex(history.digest()), told } };
}

// What is detached belongs to neither digest.
function circle(given: Given): Answer {
  const history = new History(bytesOf(given, "circle"));
  for (const parts of listOf(given, "held", partsOf)) receive(history, batchOf(parts));
  for (const payload of listOf(given, "detached", bytesOf)) readMessage(payload);
  const recovery = recoveryInForce(history).map(({ signing, seal }) => [hex(signing), seal === undefined ? null : hex(seal)]);
  return ok({ digest: hex(history.digest()), state: hex(circleDigest(documentsOf(history))), floor: floorOf(history), recovery });
}

function describe(history: History, voids: string[]): object {
  const heads = history.heads().map(([device, incarnation, sequence, id]) =>
    [hex(device), hex(incarnation), Number(sequence), hex(id)]);
  const cases = [...casesOf(history)].map(([id, entries]) => [id, hex(stateDigest(fold(entries.map(foldedOf))))]);
  return { digest: hex(history.digest()), heads, equivocators: [...history.equivocators()].sort(), void: voids.sort(), cases };
}

function readFolded(given: Given, field: string): Folded {
  const one = objectOf(given, field);
  const meaning = readMeaning(kindCase, bytesOf(one, "shape"), bytesOf(one, "content"));
  return {
    id: bytesOf(one, "id"), device: bytesOf(one, "device"), incarnation: bytesOf(one, "incarnation"),
    sequence: integerOf(one, "sequence"), height: integerOf(one, "height"), clock: integerOf(one, "clock"), ...meaning,
  };
}

function folding(given: Given): Answer {
  const state = fold(listOf(given, "entries", readFolded));
  return ok({ digest: hex(stateDigest(state)), kind: state.kind, version: state.version, shown: displayedFields(state) });
}

function detached(given: Given): Answer {
  const announced = readDetached(bytesOf(given, "payload"), bytesOf(given, "circle"), bytesOf(given, "signing"));
  if (announced === undefined) return ok({ id: null, targets: [] });
  return ok({ id: hex(announced.id), targets: announced.targets.map(hex) });
}

function caseOf(given: Given): Answer {
  return ok({ case: hex(caseId(bytesOf(given, "circle"), textOf(given, "kind"), textOf(given, "external"))) });
}

export const histories: Answers = { entry, frontier, proof, batch, telling, circle, detached, fold: folding, case: caseOf };
