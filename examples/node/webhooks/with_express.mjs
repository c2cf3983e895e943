// A webhook endpoint in Express. Reads SCALEKIT_WEBHOOK_SECRET and PORT.
import express from 'express'
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/express'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

const app = express()
app.set('env', 'test') // sends no stack traces to clients
if (process.env.AFTER_A_PARSER) app.use(express.json({ limit: '5mb' })) // the route works after a body parser as well; place it before the parser if you can
app.all('/webhooks/scalekit', webhook(receive, { replayGuard: new ReplayGuard() }))
const server = app.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks/scalekit`)
})
