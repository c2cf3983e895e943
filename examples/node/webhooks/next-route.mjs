// A webhook endpoint of Next.js: app/webhooks/scalekit/route.js. Reads SCALEKIT_WEBHOOK_SECRET.
import { webhook } from 'headcount/fetch'

export const POST = webhook(async (event) => {
  if (event.data.id === 'fail') throw new Error('the database is down, say')
  console.log(event.type, event.id)
})
