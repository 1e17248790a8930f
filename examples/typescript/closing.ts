// Close a case, and say in its timeline why: one edit, and never over something that somebody else has just written.
//
//     npm ci && npm run build
//     cellsync daemon run & cellsync unlock
//     node build/closing.js ~/ana/run/api.sock "Parcel for Anton" "She has it."

import { randomUUID } from "node:crypto";
import { Client, type Code, Refused, type Shapes } from "./cellsync.js";

type EditCode = Code<"/v1/cases/{case}", "patch">;

async function read(client: Client, title: string): Promise<Shapes["Case"]> {
  const found = await client.call("get", "/v1/cases/{case}", { path: { case: title } });
  for (const conflict of found.conflicts) {
    // People contradict each other. `settle` is the edit that decides for the first of the values; here nobody decides.
    console.log(`${conflict.field}: ${conflict.values.map((one) => `${one.text} (${one.author})`).join(" or ")}`);
  }
  return found;
}

// Whether it was written. Tried again as long as others write at the same time.
async function close(client: Client, title: string, why: string): Promise<boolean> {
  const key = randomUUID(); // of this edit: a connection that breaks off may have carried it out
  for (;;) {
    const { id, heads } = await read(client, title);
    try {
      const written = await client.call("patch", "/v1/cases/{case}", {
        path: { case: id },
        header: { "If-Match": `"${heads}"`, "Idempotency-Key": `"${key} ${heads}"` },
        body: { set: { status: "closed" }, append: { timeline: [why] } },
      });
      console.log(`${written.title}: closed`);
      return written.written;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const code: EditCode = error.code;
      if (code !== "changed_meanwhile") throw error;
    }
  }
}

// Wait until the cell is open; then what is read later and what is told fit together.
async function opened(events: AsyncGenerator<Shapes["Event"]>): Promise<void> {
  for (let told = await events.next(); !told.done; told = await events.next()) {
    if (told.value.event === "open") return;
    console.log("the cell is locked: cellsync unlock");
  }
  throw new Error("the daemon has ended");
}

async function main(socket: string, title: string, why: string): Promise<void> {
  const client = new Client(socket);
  const events = client.events();
  await opened(events);
  await close(client, title, why);
  const seen = new Set<string>();
  while (!(seen.has("status") && seen.has("timeline"))) {
    const told = await events.next();
    if (told.done) throw new Error("the cell was locked");
    if (told.value.event === "case.changed") seen.add(told.value.data.field);
  }
  console.log("and everybody who follows was told");
  await events.return(undefined);
}

const [socket, title, why] = process.argv.slice(2);
if (socket === undefined || title === undefined || why === undefined) {
  console.error("node build/closing.js SOCKET CASE WHY");
  process.exit(2);
}
await main(socket, title, why).catch((error: unknown) => {
  console.error(error instanceof Refused ? `${error.message} ${error.hint}` : String(error));
  process.exit(1);
});
