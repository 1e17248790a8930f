// Answers questions, one in a line (06-vectors, The harness).

import { createInterface } from "node:readline";
import { type Answers } from "./answers/answer.js";
import { conversations } from "./answers/conversations.js";
import { histories } from "./answers/histories.js";
import { membership } from "./answers/membership.js";
import { secrets } from "./answers/secrets.js";
import { values } from "./answers/values.js";
import { Fault } from "./fault.js";

// A map: an object has parts that nobody put there, such as `toString`.
const answers = new Map(Object.entries<Answers[string]>({ ...values, ...histories, ...membership, ...secrets, ...conversations }));

interface Question {
  readonly id?: unknown;
  readonly part?: unknown;
  readonly given?: unknown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function read(line: string): Question | undefined {
  try {
    const question: unknown = JSON.parse(line);
    return isObject(question) ? question : undefined;
  } catch {
    return undefined;
  }
}

function answer(line: string): object {
  const question = read(line);
  if (question === undefined) return { id: null, error: "this is no question" };
  const { id = null, part, given } = question;
  if (typeof part !== "string") return { id, error: "it names no part" };
  const found = answers.get(part);
  if (found === undefined) return { id, expect: "unsupported" };
  if (!isObject(given)) return { id, error: "nothing is given" };
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
