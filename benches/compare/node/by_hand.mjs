// A program without a library for webhooks or directories: `node by_hand.mjs sync | serve | users | leavers`.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { main } from './application.mjs'
import { listUsers } from './listing.mjs'

export function verify(secret, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (!id || !signatures || !/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - timestamp) > 300) return false
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const right = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`)
  return signatures.split(' ').some((signature) => signature.length === right.length && timingSafeEqual(Buffer.from(signature), right))
}

if (import.meta.filename === process.argv[1]) await main(verify, listUsers)
