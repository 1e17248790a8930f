// What a question gives (06-vectors): bytes are lower-case hexadecimal, integers beyond 2^53 are decimal texts.

import { fromHex, type Bytes } from "../bytes.js";

export type Given = Record<string, unknown>;

function no(field: string): never {
  throw new TypeError(`${field} is missing, or has another type`);
}

export function bytesOf(given: Given, field: string): Bytes {
  const value = given[field];
  return typeof value === "string" ? fromHex(value) : no(field);
}

export function textOf(given: Given, field: string): string {
  const value = given[field];
  return typeof value === "string" ? value : no(field);
}

export function integerOf(given: Given, field: string): bigint {
  const value = given[field];
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  return typeof value === "string" && /^-?[0-9]+$/.test(value) ? BigInt(value) : no(field);
}

export function numberOf(given: Given, field: string): number {
  return Number(integerOf(given, field));
}

export function listOf<T>(given: Given, field: string, read: (one: Given, field: string) => T): T[] {
  const value = given[field];
  if (!Array.isArray(value)) return no(field);
  return value.map((one: unknown) => read({ [field]: one }, field));
}

export function objectOf(given: Given, field: string): Given {
  const value = given[field];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Given) : no(field);
}
