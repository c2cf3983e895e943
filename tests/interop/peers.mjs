// The other packages for Node; README.md describes the interface. `node peers.mjs sign PEER SECRET ID TIMESTAMP`.

import { Scalekit } from "@scalekit-sdk/node";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

import { run } from "./command.mjs";

/** Makes the verifier of standardwebhooks or svix, which have the same class. */
const webhook = (peer, secret) => new { standardwebhooks, svix }[peer].Webhook(secret);

/** The official SDK's client, made without calling its constructor, which uses the network. */
const scalekit = Object.create(Scalekit.prototype);

function sign(peer, secret, id, timestamp, body) {
  if (peer === "scalekit") {
    // The SDK has no public function that signs. Its verification computes this.
    const key = Buffer.from(secret.split("_")[1], "base64");
    return [id, timestamp, "v1," + scalekit.computeSignature(key, `${id}.${timestamp}.${body}`)];
  }
  return [id, timestamp, webhook(peer, secret).sign(id, new Date(timestamp * 1000), body)];
}

function verify(peer, secret, headers, body) {
  if (peer === "scalekit") {
    const verify = "interceptor-id" in headers ? "verifyInterceptorPayload" : "verifyWebhookPayload";
    if (scalekit[verify](secret, headers, body.toString()) !== true) throw new Error(`${verify} did not return true`);
  } else {
    webhook(peer, secret).verify(body, headers);
  }
}

await run(sign, verify, { named: true });
