// A webhook endpoint in Next.js: copy it to app/webhooks/scalekit/route.js. Reads SCALEKIT_WEBHOOK_SECRET.
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/fetch'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

export const POST = webhook(receive, { replayGuard: new ReplayGuard() })
