// What the types allow and refuse; looked at by the compiler, never run.

import type { Answer, Code, Given, Shapes } from "./cellsync.js";
import type { paths } from "./api.js";

type Edit = NonNullable<Given<NonNullable<paths["/v1/cases/{case}"]["patch"]>>["body"]>;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;

export const fields: Edit = { set: { title: "Parcel", opened: [2024, 5] }, correct: { "5d93.4": "held" } };
export const nothing: Edit = {};
// @ts-expect-error: there is no such way to edit
export const misspelt: Edit = { sett: { title: "Parcel" } };
// @ts-expect-error: steps of counters are numbers
export const step: Edit = { count: { parcels: "2" } };

export const changed: Shapes["Event"] = {
  event: "peer.down", cursor: "", data: { device: "5d93", circle: "2a" },
};
// @ts-expect-error: of this event the data is something else
export const mixed: Shapes["Event"] = { event: "peer.down", cursor: "", data: { job: "5d93", done: 1, total: 2 } };

export const heads: Same<Answer<"/v1/cases/{case}", "patch">["heads"], string> = true;
export const always: Same<Answer<"/v1/cases", "get">["more"], number> = true; // never undefined
export const settle: Shapes["Settling"] = { set: { title: "Parcel" } };
export const code: Code<"/v1/cases/{case}", "patch"> = "changed_meanwhile";
// @ts-expect-error: reading a case cannot fail like this
export const other: Code<"/v1/cases/{case}", "get"> = "changed_meanwhile";
export const named: NonNullable<Given<NonNullable<paths["/v1/cases"]["post"]>>["header"]> = { "Idempotency-Key": "x" };
// @ts-expect-error: this operation has no such header
export const unnamed: NonNullable<Given<NonNullable<paths["/v1/cases"]["get"]>>["header"]> = { "If-Match": "x" };
