// A webhook endpoint with node:http, without a framework. Reads SCALEKIT_WEBHOOK_SECRET and PORT.
import { createServer } from 'node:http'
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/http'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

const server = createServer(webhook(receive, { replayGuard: new ReplayGuard(), onError: () => {} }))
server.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks/scalekit`)
})
