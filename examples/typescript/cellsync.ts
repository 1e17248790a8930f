// The local API, typed. `api.d.ts` is made from docs/reference/openapi.json by openapi-typescript (npm run build).

import { request } from "node:http";
import type { components, paths } from "./api.js";

export type Shapes = components["schemas"];
export type Method = "get" | "post" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;

type Json<R> = R extends { content: { "application/json": infer A } } ? A : never;
type Responses<O> = O extends { responses: infer R } ? R : never;
export type Answer<P extends keyof paths, M extends Method> = Json<Responses<Operation<P, M>>[200 & keyof Responses<Operation<P, M>>]>;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : undefined;
type Parameters<O, K extends string> = O extends { parameters: { [key in K]?: infer V } } ? NonNullable<V> : never;

// What a refusal of this operation may say. A `switch` over it is checked to be whole.
export type Code<P extends keyof paths, M extends Method> = Exclude<
  { [S in keyof Responses<Operation<P, M>>]: Json<Responses<Operation<P, M>>[S]> }[keyof Responses<Operation<P, M>>],
  Answer<P, M>
> extends { error: { code: infer C } } ? C : never;

export class Refused<C = string> extends Error {
  constructor(readonly status: number, readonly code: C, message: string, readonly hint: string) {
    super(message);
  }
}

export type Given<O> = {
  path?: Parameters<O, "path">;
  query?: Parameters<O, "query">;
  header?: Parameters<O, "header">;
  body?: Body<O>;
};

export type Told = Shapes["Event"];

export class Client {
  constructor(private readonly socket: string) {}

  // Throws Refused<Code<P, M>>, or the error of the connection: then nobody knows whether it was done (`Idempotency-Key`).
  async call<P extends keyof paths, M extends Method>(
    method: M, path: P, given: Given<Operation<P, M>> = {},
  ): Promise<Answer<P, M>> {
    const response = await this.ask(method, this.address(path, given), given.header ?? {}, given.body);
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    const said = JSON.parse(Buffer.concat(pieces).toString()) as unknown;
    if (response.statusCode === 200) return said as Answer<P, M>;
    const { error } = said as Shapes["Failed"];
    throw new Refused(response.statusCode ?? 0, error.code as Code<P, M>, error.message, error.hint);
  }

  // What happens from now on, or after a cursor. Ends with "locked".
  async *events(since: string = ""): AsyncGenerator<Told> {
    const response = await this.ask("get", "/v1/events", since ? { "Last-Event-ID": since } : {}, undefined);
    let left = "";
    for await (const piece of response.setEncoding("utf8")) {
      const lines = (left + (piece as string)).split("\n");
      left = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice(6)) as Told;
    }
  }

  private address(path: string, given: { path?: unknown; query?: unknown }): string {
    const names = (given.path ?? {}) as Record<string, string>;
    const query = new URLSearchParams((given.query ?? {}) as Record<string, string>).toString();
    const named = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? ""));
    return query ? `${named}?${query}` : named;
  }

  private ask(method: string, path: string, header: object, body: unknown): Promise<import("node:http").IncomingMessage> {
    const raw = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...header, ...(raw === undefined ? {} : { "content-type": "application/json" }) };
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: this.socket, method: method.toUpperCase(), path, headers }, resolve);
      sent.on("error", reject).end(raw);
    });
  }
}
