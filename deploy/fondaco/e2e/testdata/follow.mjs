// What the end-to-end test of the replicas runs: node follow.mjs DIST URL TOKEN.
// Every line that it writes is a JSON object.
import { pathToFileURL } from "node:url";

const [dist, url, token] = process.argv.slice(2);
const { Client, follow } = await import(pathToFileURL(dist + "/index.js"));
const say = (what) => console.log(JSON.stringify(what));

let connections = 0;
class Counted extends WebSocket {
  constructor(...args) {
    super(...args);
    say({ connections: ++connections });
  }
}

const beginning = { epoch: "", seq: 1 };
const wait = { minWait: 20, maxWait: 200, quiet: 15_000 };

// An order of its own, as the answer and as the feed have it. Others send market
// orders: one that was filled by them is followed by another.
const client = new Client({ url, token });
for (let n = 0, last = ""; last !== "canceled"; n++) {
  const id = `from typescript ${n}`;
  const placed = await client.placeOrder({ symbol: "WINE18-USD", side: "buy", price: "0.01", quantity: "1", client_order_id: id });
  say({ order: placed.status });
  for await (const { data } of follow({ url, token, ...wait }, { channel: "orders", from: beginning })) {
    if (data.client_order_id !== id) continue;
    last = data.status;
    say({ order: `${last} on the feed` });
    if (last !== "open") break;
    await client.cancelOrderByClientID(id).catch((e) => { if (e.problem?.code !== "already_done") throw e; });
  }
}

for await (const { op, seq, data } of follow({ url, WebSocket: Counted, ...wait }, { channel: "blocks", network: "dev", from: beginning })) {
  say({ op, seq, data });
}
