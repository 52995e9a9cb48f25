import type { Problem, UnknownOutcome } from "./api.gen.js";

/** Where the api is and who asks. */
export interface Options {
  /** http://127.0.0.1:8080 */
  url: string;
  /** Sent as bearer token. */
  token?: string;
  /** Milliseconds that an answer may take; 60,000 when it is left out. */
  timeout?: number;
  fetch?: typeof fetch;
}

/** The api said no. The code is stable; the sentences are for people. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.parameter ? `${problem.parameter} ` : ""}${problem.detail ?? problem.title}`);
  }
}

/** The command left and its outcome is not known yet: ask for the order, or send the same again. */
export class Unknown extends Error {
  constructor(readonly outcome: UnknownOutcome) {
    super(outcome.detail);
  }
}

/** An answer that is neither what was asked for nor a problem, such as a proxy's page. */
export class Status extends Error {
  constructor(readonly status: number, readonly text: string) {
    super(`the api answered ${status}: ${text.slice(0, 200)}`);
  }
}

export type Query = Record<string, string | number | boolean | undefined>;

/** What all calls have in common. */
export class Caller {
  constructor(protected readonly options: Options) {}

  protected async call<T>(method: string, path: string, query: Query, body: unknown): Promise<T> {
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
    const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.options.token) headers["authorization"] = `Bearer ${this.options.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await (this.options.fetch ?? fetch)(this.options.url.replace(/\/$/, "") + path + (search ? `?${search}` : ""), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(this.options.timeout ?? 60_000),
    });
    const text = await answer.text();
    const type = answer.headers.get("content-type") ?? "";
    if (type.startsWith("application/problem+json")) throw new Refusal(JSON.parse(text) as Problem);
    if (answer.status === 202) throw new Unknown(JSON.parse(text) as UnknownOutcome);
    if (answer.status !== 200) throw new Status(answer.status, text);
    return (type.startsWith("application/json") ? JSON.parse(text) : text) as T;
  }
}

/** A part of a path. */
export function segment(value: string | number): string {
  return encodeURIComponent(String(value));
}

/** A query whose args are parameters of their own: {args: {to: "0x…"}} is arg.to=0x…. */
export function prefixed(prefix: string, params: object & { args?: Record<string, string> }): Query {
  const { args, ...query } = params;
  const out: Query = { ...query };
  for (const [name, value] of Object.entries(args ?? {})) out[prefix + name] = value;
  return out;
}
