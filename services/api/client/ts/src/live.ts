import type { Options } from "./http.js";

/** What to follow. */
export interface Follow {
  channel: string;
  network?: string;
  symbol?: string;
  filter?: Record<string, unknown>;
  /** Go on behind this; left out: from now on. */
  from?: Position;
}

/** A place in a feed: of the last frame that was handled. */
export interface Position {
  epoch: string;
  seq: number;
}

/** op reset: what was told before is of another life, and what follows begins anew behind seq. */
export interface Frame<T = unknown> {
  op: "event" | "reverted" | "repaired" | "snapshot" | "reset";
  channel: string;
  network?: string;
  symbol?: string;
  epoch: string;
  seq: number;
  data: T;
}

/** Trying again is useless before something else is done. */
export class Refused extends Error {
  constructor(readonly code: string, message: string) {
    super(`${code}: ${message}`);
  }
}

export interface LiveOptions extends Options {
  /** Milliseconds between two attempts: doubled from the first to the second, and spread. */
  minWait?: number;
  maxWait?: number;
  /** Milliseconds without a frame after which the connection counts as lost. */
  quiet?: number;
  /** Ends the following. */
  signal?: AbortSignal;
  WebSocket?: typeof WebSocket;
}

const useless = [1002, 1003, 1007, 1009, 4003];
const passing = ["loading", "rate_limited", "unavailable", "maintenance"];

/**
 * Yields each frame in the feed's order, over any number of connections: it resumes behind the last frame that was
 * taken, so that no fact is missed and none comes twice. Ends when the signal does; throws Refused.
 */
export async function* follow<T = unknown>(options: LiveOptions, what: Follow): AsyncGenerator<Frame<T>, void, void> {
  let at = what.from;
  let wait = options.minWait ?? 100;
  while (!options.signal?.aborted) {
    const one = new Connection<T>(options, what, at);
    try {
      for await (const frame of one.frames()) {
        yield frame;
        at = { epoch: frame.epoch, seq: frame.seq };
        wait = options.minWait ?? 100;
      }
    } finally {
      one.close();
    }
    at = one.at ?? at;
    if (one.refused) throw one.refused;
    await pause(one.retry ?? wait / 2 + (Math.random() * wait) / 2, options.signal);
    wait = Math.min(2 * wait, options.maxWait ?? 10_000);
  }
}

/** One connection from its beginning to its end. */
class Connection<T> {
  at: Position | undefined;
  refused: Refused | undefined;
  retry: number | undefined;
  private readonly socket: WebSocket;
  private readonly waiting: Frame<T>[] = [];
  private ended = false;
  private wake: () => void = () => {};
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: LiveOptions, what: Follow, from: Position | undefined) {
    this.at = from;
    const Socket = options.WebSocket ?? WebSocket;
    this.socket = new Socket(options.url.replace(/^http/, "ws").replace(/\/$/, "") + "/v1/ws");
    const { channel, network, symbol, filter } = what;
    this.socket.onopen = () => {
      // A browser cannot set a header: the token comes in the first message, never in the URL.
      if (options.token) this.socket.send(JSON.stringify({ op: "auth", token: options.token }));
      this.socket.send(JSON.stringify({ op: "subscribe", id: 1, channel, network, symbol, filter, since: from?.seq, epoch: from?.epoch }));
    };
    this.socket.onmessage = (message) => this.take(JSON.parse(String(message.data)));
    this.socket.onclose = (event) => {
      if (useless.includes(event.code)) this.refused ??= new Refused(`close_${event.code}`, event.reason);
      this.end();
    };
    this.socket.onerror = () => this.end();
    options.signal?.addEventListener("abort", this.stop);
    this.alive();
  }

  async *frames(): AsyncGenerator<Frame<T>, void, void> {
    for (;;) {
      const frame = this.waiting.shift();
      if (frame) {
        yield frame;
        this.at = { epoch: frame.epoch, seq: frame.seq };
      } else if (this.ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    }
  }

  close(): void {
    this.end();
    this.options.signal?.removeEventListener("abort", this.stop);
    this.socket.close();
  }

  private readonly stop = (): void => {
    this.waiting.length = 0;
    this.end();
  };

  private take(frame: Frame<T> & { code?: string; message?: string; retry_ms?: number }): void {
    this.alive();
    switch (frame.op as string) {
      case "event":
      case "reverted":
      case "repaired":
      case "snapshot":
      case "reset":
        this.waiting.push(frame);
        this.wake();
        return;
      case "subscribed":
        this.at ??= { epoch: frame.epoch, seq: frame.seq };
        return;
      case "position": // everything up to here was told; what waits is not handled yet
        if (this.waiting.length === 0) this.at = { epoch: frame.epoch, seq: frame.seq };
        return;
      case "goodbye":
        this.retry = frame.retry_ms;
        return;
      case "error":
        if (!passing.includes(frame.code ?? "")) this.refused = new Refused(frame.code ?? "error", frame.message ?? "");
        this.end();
    }
  }

  private alive(): void {
    clearTimeout(this.timer);
    if (!this.ended) this.timer = setTimeout(() => this.end(), this.options.quiet ?? 60_000);
  }

  private end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.wake();
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
