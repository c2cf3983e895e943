// A program with standardwebhooks for its webhooks: `node with_standardwebhooks.mjs sync | serve | users | leavers`.
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
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
