// 06-vectors, Values and messages.

import { hex, utf8 } from "../bytes.js";
import { decode, toJson } from "../codec.js";
import { maxEntry } from "../entry.js";
import { holds } from "../fault.js";
import { readMessage } from "../message.js";
import { shown } from "../name.js";
import { agreed, readVersions, type Versions } from "../version.js";
import { ok, type Answer, type Answers } from "./answer.js";
import { bytesOf, listOf, numberOf, type Given } from "./question.js";

function codec(given: Given): Answer {
  const bytes = bytesOf(given, "bytes");
  holds(bytes.length <= (given["cap"] === undefined ? maxEntry : numberOf(given, "cap")), "cap.entry");
  return ok({ value: toJson(decode(bytes)) });
}

export function versionsOf(given: Given, field: string): Versions {
  const [lowest, highest] = listOf(given, field, numberOf);
  if (lowest === undefined || highest === undefined) throw new TypeError(`${field} are not two numbers`);
  return [lowest, highest];
}

export const values: Answers = {
  codec,
  message: (given) => ok({ value: toJson(readMessage(bytesOf(given, "payload"))) }),
  name: (given) => ok({ shown: hex(utf8(shown(bytesOf(given, "name")))) }),
  versions: (given) => ok({ versions: readVersions(bytesOf(given, "tail")) }),
  agreement: (given) => ok({ in_use: agreed(versionsOf(given, "ours"), versionsOf(given, "theirs")) }),
};
