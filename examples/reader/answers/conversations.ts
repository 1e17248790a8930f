// 06-vectors, Conversations.

import { concat, hex, none, type Bytes } from "../bytes.js";
import { recognise } from "../beacon.js";
import {
  Caller, headerSize, readFrame, readFrames, readHeader, readOpening, writeFrame, type Purpose, type Side,
} from "../channel.js";
import { readCode, readShortCode } from "../code.js";
import { toJson } from "../codec.js";
import { answerTo, exchange } from "../exchange.js";
import { areNew, readTurn, wordsOf } from "../pairing.js";
import { Session, type Circle } from "../session.js";
import { offered } from "../tag.js";
import { ok, type Answer, type Answers } from "./answer.js";
import { bytesOf, integerOf, listOf, numberOf, objectOf, textOf, type Given } from "./question.js";
import { versionsOf } from "./values.js";

function purposeOf(given: Given): Purpose {
  return textOf(given, "purpose") === "session" ? "session" : "pairing";
}

function inSession(given: Given, field: string): Bytes {
  return purposeOf(given) === "session" ? bytesOf(given, field) : none;
}

function header(given: Given): Answer {
  const side: Side = textOf(given, "role") === "caller" ? "caller" : "callee";
  const [psk, context, bytes] = [bytesOf(given, "psk"), bytesOf(given, "context"), bytesOf(given, "header")];
  if (bytes.length !== headerSize) throw new TypeError("header has not 42 bytes");
  const { ephemeral, length } = readHeader(purposeOf(given), side, psk, context, bytes);
  return ok({ ephemeral: hex(ephemeral), length });
}

function opening(given: Given): Answer {
  const callee = {
    purpose: purposeOf(given), carrier: textOf(given, "carrier"), psk: bytesOf(given, "psk"), secret: inSession(given, "static"),
  };
  const { ephemeral, static: caller, versions } = readOpening(callee, bytesOf(given, "opening"));
  return ok({ ephemeral: hex(ephemeral), static: caller === undefined ? null : hex(caller), versions });
}

function call(given: Given): Answer {
  const caller = new Caller({
    purpose: purposeOf(given), carrier: textOf(given, "carrier"), psk: bytesOf(given, "psk"),
    secret: inSession(given, "static"), callee: inSession(given, "remote_static"), ephemeral: bytesOf(given, "ephemeral"),
    kemSeed: bytesOf(given, "kem"), versions: versionsOf(given, "versions"), padding: numberOf(given, "padding"),
  });
  const { versions, hash, sending, receiving } = caller.read(bytesOf(given, "reply"));
  const payloads = readFrames(receiving, concat(...listOf(given, "received", bytesOf))).map(hex);
  const frames = listOf(given, "sends", bytesOf).map((payload, i) => hex(writeFrame(sending, BigInt(i), payload)));
  return ok({ opening: hex(caller.opening), versions, hash: hex(hash), payloads, frames });
}

function frame(given: Given): Answer {
  return ok({ payload: hex(readFrame(bytesOf(given, "key"), integerOf(given, "number"), bytesOf(given, "frame"))) });
}

function offer(given: Given): Answer {
  const role = textOf(given, "role") === "caller" ? "caller" : "callee";
  return ok({ tag: hex(offered(role, bytesOf(given, "hash"), bytesOf(given, "circle"), bytesOf(given, "psk"))) });
}

function circle(given: Given, field: string): Circle {
  const one = objectOf(given, field);
  return { circle: bytesOf(one, "circle"), psk: bytesOf(one, "psk"), active: one["active"] === true };
}

interface Said { readonly isOurs: boolean; readonly payload: Bytes; readonly times: number }

function said(given: Given, field: string): Said {
  const [who, payload, times] = given[field] as unknown[];
  return { isOurs: who === "ours", payload: bytesOf({ payload }, "payload"), times: numberOf({ times }, "times") };
}

function session(given: Given): Answer {
  const talk = new Session({
    role: textOf(given, "role") === "caller" ? "caller" : "callee", hash: bytesOf(given, "hash"),
    hinted: bytesOf(given, "hinted"), circles: listOf(given, "circles", circle),
  });
  for (const { isOurs, payload, times } of listOf(given, "said", said)) {
    for (let i = 0; i < times; i++) {
      if (isOurs) talk.weSay(payload);
      else talk.theySay(payload);
    }
  }
  talk.theySay(bytesOf(given, "message"));
  return ok({ names: talk.names() });
}

function code(given: Given): Answer {
  const read = readCode(textOf(given, "code"));
  if (read === undefined) return ok({ secret: null, written: null, qr: null, psk: null, beacon_key: null });
  const { secret, written, qr, psk, beaconKey } = read;
  return ok({ secret: hex(secret), written, qr, psk: hex(psk), beacon_key: hex(beaconKey) });
}

function short(given: Given): Answer {
  const read = readShortCode(textOf(given, "code"));
  const nothing = { number_key: null, beacon_key: null, knock: null, answer: null, proof: null, reply: null, secret: null };
  if (read === undefined) return ok(nothing);
  const { knock, answer, proof, reply, secret } = exchange(read, bytesOf(given, "x"), bytesOf(given, "y"));
  return ok({
    number_key: hex(read.numberKey), beacon_key: hex(read.beaconKey),
    knock: hex(knock), answer: hex(answer), proof: hex(proof), reply: hex(reply), secret: hex(secret),
  });
}

function knock(given: Given): Answer {
  const read = readShortCode(textOf(given, "code"));
  if (read === undefined) throw new TypeError("no short code");
  return ok({ answer: hex(answerTo(bytesOf(given, "knock"), read, bytesOf(given, "y"))) });
}

function pairing(given: Given): Answer {
  const turn = textOf(given, "turn");
  const value = readTurn(turn, bytesOf(given, "message"));
  if (turn === "hello" && given["taken"] !== undefined) {
    areNew(value, listOf(given, "taken", (one, field) => listOf(one, field, bytesOf)));
  }
  if (turn !== "reveal") return ok({ value: toJson(value) });
  const known = { hash: bytesOf(given, "hash"), hello: bytesOf(given, "hello"), nonce: bytesOf(given, "nonce") };
  return ok({ value: toJson(value), words: wordsOf(known, value) });
}

function beacon(given: Given): Answer {
  const address = recognise(bytesOf(given, "beacon"), {
    key: bytesOf(given, "key"), who: bytesOf(given, "who"), port: numberOf(given, "port"), period: integerOf(given, "period"),
    addresses: listOf(given, "addresses", bytesOf),
  });
  return ok({ address: address === undefined ? null : hex(address) });
}

export const conversations: Answers = { header, opening, call, frame, session, offer, code, short, knock, pairing, beacon };
