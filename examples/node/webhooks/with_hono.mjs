// A webhook endpoint in Hono. Reads SCALEKIT_WEBHOOK_SECRET and PORT.
import { serve } from '@hono/node-server'
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/fetch'
import { Hono } from 'hono'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

const app = new Hono()
const endpoint = webhook(receive, { replayGuard: new ReplayGuard() })
app.onError((error, c) => c.body(null, 500))
app.all('/webhooks/scalekit', (c) => endpoint(c.req.raw))
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 0), hostname: '127.0.0.1' }, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks/scalekit`)
})
