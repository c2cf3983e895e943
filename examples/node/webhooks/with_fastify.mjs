// A webhook endpoint in Fastify. Reads SCALEKIT_WEBHOOK_SECRET and PORT.
import Fastify from 'fastify'
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/fastify'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

const app = Fastify()
app.register(webhook(receive, { replayGuard: new ReplayGuard() }), { path: '/webhooks/scalekit' })
app.post('/echo', (request) => request.body) // other routes keep their parsers
await app.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' })
console.log(`listening on http://127.0.0.1:${app.server.address().port}/webhooks/scalekit`)
