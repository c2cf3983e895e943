// handler.mjs
import { Webhook, errors } from 'headcount'

const webhook = new Webhook() // when the function starts

export async function handler({ headers, body, isBase64Encoded }) {
  try {
    const event = webhook.verify(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'), headers)
    console.log(`received ${event.type}`)
    return { statusCode: 201 }
  } catch (error) {
    if (error instanceof errors.WebhookVerificationError) return { statusCode: 400 }
    throw error
  }
}
