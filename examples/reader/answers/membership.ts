// 06-vectors, Members.

import { equal } from "../bytes.js";
import { decode, toJson, type Value } from "../codec.js";
import { kindAdmit, kindCase, kindFound, readAdmit, readFound } from "../control.js";
import { isOfItsForm } from "../edition.js";
import { isOpaque, maxEntry, saltSize } from "../entry.js";
import { branches, leadTo, type States } from "../epoch.js";
import { holds } from "../fault.js";
import { isRewrap, isRotation, opened } from "../rotation.js";
import { inForce, type Written } from "../settings.js";
import { ok, type Answer, type Answers } from "./answer.js";
import { bytesOf, listOf, numberOf, objectOf, type Given } from "./question.js";
import { shownStates } from "./secrets.js";

function control(given: Given): Answer {
  const [kind, shape, content] = [numberOf(given, "kind"), bytesOf(given, "shape"), bytesOf(given, "content")];
  if (kind <= kindCase || kind > 255) throw new TypeError("no kind of a control entry");
  const introduces = kind === kindFound || kind === kindAdmit;
  holds(shape.length + content.length <= maxEntry, "cap.entry");
  if (isOpaque(shape, content)) {
    holds(!introduces, "entry.control");
    return { expect: "void" };
  }
  const read = decode(shape);
  holds(content.length >= saltSize, "entry.content");
  const said = decode(content.subarray(saltSize));
  if (introduces) kind === kindFound ? readFound(read, said) : readAdmit(read, said);
  else if (!isOfItsForm(kind, read, said)) return { expect: "void" };
  return ok({ operation: [...(read as Value[]), ...((said ?? []) as Value[])].map(toJson) });
}

function rotation(given: Given): Answer {
  const epoch = bytesOf(given, "epoch");
  const begun = decode(bytesOf(given, "rotation"));
  const rewraps = listOf(given, "rewraps", bytesOf).map((shape) => decode(shape));
  if (!isRotation(begun)) return { expect: "void" };
  const isRecovery = given["recovery"] !== undefined;
  const whose = { isRecovery, id: bytesOf(given, isRecovery ? "recovery" : "device") };
  const followed = rewraps.filter(isRewrap).filter(([of]) => equal(of, epoch));
  const states = opened(begun, followed, whose, bytesOf(given, "seal"));
  return ok({ states: states === undefined ? null : shownStates(states) });
}

function states(given: Given): Answer {
  const handed = Object.fromEntries(branches.map((branch) => [branch, bytesOf(given, branch)])) as States;
  const [day, first] = [numberOf(given, "day"), numberOf(given, "first_day")];
  holds(leadTo(handed, day, bytesOf(given, "commitment"), first), "epoch.commitment");
  return ok();
}

function writtenOf(given: Given, field: string): Written {
  const one = objectOf(given, field);
  const values = listOf(one, "values", (row, name) => {
    const [number, value] = listOf(row, name, numberOf);
    return [number!, value!] as const;
  });
  return { values, sees: new Set(listOf(one, "sees", numberOf)) };
}

function settings(given: Given): Answer {
  const authors = (field: string): Written[][] => listOf(given, field, (one, name) => listOf(one, name, writtenOf));
  return ok({ in_force: inForce(authors("coordinators"), authors("papers")) });
}

export const membership: Answers = { control, rotation, settings, states };
