// Answers questions, one in a line (06-vectors, The harness).

import { createInterface } from "node:readline";
import { type Answers } from "./answers/answer.js";
import { conversations } from "./answers/conversations.js";
import { histories } from "./answers/histories.js";
import { secrets } from "./answers/secrets.js";
import { values } from "./answers/values.js";
import { Fault } from "./fault.js";

const answers: Answers = { ...values, ...histories, ...secrets, ...conversations };

interface Question {
  readonly id: unknown;
  readonly part: string;
  readonly given: Record<string, unknown>;
}

function read(line: string): Question | undefined {
  try {
    const question = JSON.parse(line) as Question;
    return typeof question === "object" && question !== null ? question : undefined;
  } catch {
    return undefined;
  }
}

function answer(line: string): object {
  const question = read(line);
  if (question === undefined) return { id: null, error: "this is no question" };
  const { id, part, given } = question;
  const found = (answers as Partial<Answers>)[part];
  if (found === undefined) return { id, expect: "unsupported" };
  try {
    return { id, ...found(given) };
  } catch (error) {
    if (error instanceof Fault) return { id, expect: `fault:${error.rule}`, ...(error.result && { result: error.result }) };
    if (error instanceof TypeError) return { id, error: error.message };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
