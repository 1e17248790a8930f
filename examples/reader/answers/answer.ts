// How a question is answered (06-vectors): with a verdict, and what was read or computed.

import { type Given } from "./question.js";

export interface Answer {
  readonly expect: string;
  readonly result?: object;
}

export type Answers = Readonly<Record<string, (given: Given) => Answer>>;

export function ok(result?: object): Answer {
  return result === undefined ? { expect: "ok" } : { expect: "ok", result };
}
