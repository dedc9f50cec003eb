/** A typed client of Vivier: `schema.ts` is made from the OpenAPI document, requests are sent by openapi-fetch. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { paths };
export type Schemas = components["schemas"];

/** What answers are typed as; ask for another type by `Accept`, and say by `parseAs` how it is read. */
type Json = "application/json" | "application/problem+json";

/** A client of the server at `url`, for who holds `key`; messages are in `language`. */
export function vivierAt(url: string, key?: string, language: "fr" | "en" = "fr"): Client<paths, Json> {
  const headers: Record<string, string> = { "Accept-Language": language };
  if (key) headers.Authorization = `Bearer ${key}`;
  const client = createClient<paths, Json>({ baseUrl: url, headers });
  client.use({
    onRequest({ request }) {
      if (request.method === "PATCH") request.headers.set("Content-Type", "application/merge-patch+json");
      return request;
    },
  });
  return client;
}

/** A refusal: its `problem` says by `type`, `detail` and `errors` what is wrong, and where. */
export class Refused extends Error {
  constructor(readonly problem: Schemas["ProblemDocument"]) {
    super(`${problem.type}: ${problem.detail ?? problem.title}`);
  }
}

/** What a request answered. Throws Refused. */
export async function answered<T>(request: Promise<{ data?: T; error?: Schemas["ProblemDocument"] }>): Promise<T> {
  const { data, error } = await request;
  if (error !== undefined) throw new Refused(error);
  return data as T;
}

/** All items of a list, one page after the other: `page` asks for the page at a cursor. Throws Refused. */
export async function* itemsOf<T>(
  page: (cursor?: string) => Promise<{ data?: { items: T[]; next_cursor?: string | null }; error?: Schemas["ProblemDocument"] }>,
): AsyncGenerator<T> {
  let cursor: string | undefined;
  do {
    const { items, next_cursor } = await answered(page(cursor));
    yield* items;
    cursor = next_cursor ?? undefined;
  } while (cursor !== undefined);
}
