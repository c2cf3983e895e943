// A program with svix for its webhooks: `node with_svix.mjs sync | serve | users | leavers`.
import { Webhook, WebhookVerificationError } from 'svix'
import { main } from './application.mjs'
import { listUsers } from './listing.mjs'

export function verify(secret, headers, body) {
  try {
    new Webhook(secret).verify(body, headers)
    return true
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false
    throw error
  }
}

if (import.meta.filename === process.argv[1]) await main(verify, listUsers)
