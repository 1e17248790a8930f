// The proof of a fork (30-history): two entries in one place, both signed.

import { compare, type Bytes } from "./bytes.js";
import { sequences } from "./batch.js";
import { decode, type Value } from "./codec.js";
import { kindFound } from "./control.js";
import { beforeItsId, headerOf, idOf, maxClock, maxEntry, maxParents, signedBytes, type Outline, type Place } from "./entry.js";
import { holds } from "./fault.js";
import { isArray, isBytes, isInteger } from "./form.js";
import { verifies } from "./key.js";

const maxProof = 8 * 1024 * 1024;

function outline(value: Value): Outline {
  holds(isArray(value, 8), "proof.form");
  const [height, clock, kind, shape, content, shapeLength, contentLength, parents] = value;
  holds(isInteger(height, 1n, 1n << 64n) && isInteger(clock, 0n, maxClock) && isInteger(kind, 0n, 256n), "proof.form");
  holds(isBytes(shape, 32) && isBytes(content, 32), "proof.form");
  holds(isInteger(shapeLength, 0n, 1n << 32n) && isInteger(contentLength, 0n, 1n << 32n), "proof.form");
  holds(shapeLength + contentLength <= BigInt(maxEntry), "proof.form");
  holds(isArray(parents) && parents.length <= maxParents, "proof.form");
  for (const id of parents) holds(isBytes(id, 32), "proof.form");
  const ids = parents as Bytes[];
  holds(ids.every((id, i) => i === 0 || compare(ids[i - 1]!, id) < 0), "proof.form");
  return {
    height, clock, kind: Number(kind), parents: ids,
    shape: { hash: shape, length: Number(shapeLength) }, content: { hash: content, length: Number(contentLength) },
  };
}

// The id of its first entry.
function side(value: Value, begin: Place, signing: Bytes): Bytes {
  holds(isArray(value, 2), "proof.form");
  const [outlines, signature] = value;
  holds(isArray(outlines) && outlines.length > 0 && isBytes(signature, 64), "proof.form");
  const ids: Bytes[] = [];
  for (const one of outlines.map(outline)) {
    const place = { ...begin, sequence: begin.sequence + BigInt(ids.length), previous: ids.at(-1) ?? begin.previous };
    holds(place.sequence < sequences, "proof.form");
    ids.push(idOf(headerOf(one.kind === kindFound ? beforeItsId(place) : place, one)));
  }
  holds(verifies(signing, signedBytes(ids.at(-1)!), signature), "signature");
  return ids[0]!;
}

export function readProof(bytes: Bytes, signing: Bytes): Bytes[] {
  holds(bytes.length <= maxProof, "cap.proof");
  const proof = decode(bytes);
  holds(isArray(proof, 7), "proof.form");
  const [version, circle, device, incarnation, sequence, previous, sides] = proof;
  holds(version === 1n && isBytes(circle, 32) && isBytes(device, 32) && isBytes(incarnation, 8), "proof.form");
  holds(isInteger(sequence, 1n, sequences) && isBytes(previous, 32) && isArray(sides, 2), "proof.form");
  const ids = sides.map((one) => side(one, { circle, device, incarnation, sequence, previous }, signing));
  holds(compare(ids[0]!, ids[1]!) < 0, "proof.sides");
  return ids;
}
