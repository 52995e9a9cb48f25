// What TestTypeScriptClient runs: node client.mjs DIST URL TOKEN EPOCH.
import { pathToFileURL } from "node:url";

const [dist, url, token, epoch] = process.argv.slice(2);
const { Client, Refusal, follow } = await import(pathToFileURL(dist + "/index.js"));
const say = (line) => console.log(JSON.stringify(line));
const refused = async (promise) => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Refusal) return error.problem;
    throw error;
  }
  throw new Error("nothing was refused");
};

const client = new Client({ url, token });
const events = await client.listEvents("dev", { contract: "usd", args: { value: "5001" } });
for (const e of events.data) say(`event ${e.args.value}`);
const problem = await refused(client.listBlocks("dev", { limit: 0 }));
say(`refused ${problem.code} ${problem.parameter}`);
const order = await client.placeOrder({ symbol: "WINE18-USD", side: "buy", price: "1.00", quantity: "4", client_order_id: "from ts" });
say(`order ${order.status} ${order.price}`);
say((await client.cancelOrderByClientID("from ts")).status);
say((await refused(new Client({ url }).listBalances())).code);

for await (const frame of follow({ url, minWait: 5 }, { channel: "blocks", network: "dev", from: { epoch, seq: 0 } })) {
  say(`block ${frame.data.number}`);
  if (frame.data.number === 8) break;
}
