// The command line of the agents and peers in JavaScript: `sign`, `verify` and `batch`. README.md describes it.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * Runs the command line. `sign(secret, id, timestamp, body)` returns the values of the three headers, `verify(secret, headers, body)` throws if it
 * refuses the message; both may be async. With `named`, the first argument of both is the peer's name.
 */
export async function run(sign, verify, { named = false } = {}) {
  const [op, ...given] = process.argv.slice(2);
  if (op === "batch") {
    for await (const line of createInterface({ input: process.stdin })) {
      process.stdout.write(JSON.stringify(await answer(sign, verify, JSON.parse(line), named)) + "\n");
    }
    return;
  }
  const body = readFileSync(0);
  if (op === "sign") {
    console.log((await sign(...given, body)).join("\n"));
    return;
  }
  try {
    await verify(...given.slice(0, -3), headersOf(...given.slice(-3)), body);
    console.log("ok");
  } catch (error) {
    console.log(reasonOf(error));
    process.exitCode = 1;
  }
}

const headersOf = (id, timestamp, signature) => ({ "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature });

/** Returns the response to one request of a batch. Every exception counts as a refusal. */
async function answer(sign, verify, request, named) {
  const body = Buffer.from(request.body_b64, "base64");
  const first = named ? [request.peer, request.secret] : [request.secret];
  try {
    if (request.op === "sign") {
      const [id, timestamp, signature] = await sign(...first, request.id, request.timestamp, body);
      return { ok: true, id, timestamp, signature };
    }
    await verify(...first, request.headers ?? headersOf(request.id, request.timestamp, request.signature), body);
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
}

/** Returns headcount's reason if the error has one, else its name and message. */
function reasonOf(error) {
  return error.reason ?? `${error.name}: ${error.message}`;
}
