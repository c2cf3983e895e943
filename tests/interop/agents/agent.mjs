// The agent that uses headcount for Node; README.md describes its interface. HC_NODE is the package's folder, by default bindings-node/.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { run } from "../command.mjs";

const folder = process.env.HC_NODE ?? fileURLToPath(new URL("../../../bindings-node", import.meta.url));
const { Webhook } = createRequire(import.meta.url)(folder);

function sign(secret, id, timestamp, body) {
  const headers = new Webhook(secret).sign(body, { id, timestamp: Number(timestamp) });
  return [headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]];
}

function verify(secret, headers, body) {
  new Webhook(secret).verifySignature(body, headers);
}

await run(sign, verify);
