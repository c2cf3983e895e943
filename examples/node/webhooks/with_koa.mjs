// A webhook endpoint in Koa. Reads SCALEKIT_WEBHOOK_SECRET and PORT.
import { bodyParser } from '@koa/bodyparser'
import { ReplayGuard } from 'headcount'
import { webhook } from 'headcount/koa'
import Koa from 'koa'

const receive = async (event) => {
  // Simulates a failed handler: the request is answered with 500.
  if (event.data.id === 'fail') throw new Error('the database is down')
  console.log(event.type, event.id)
}

const app = new Koa()
app.silent = true // prints no stack traces
if (process.env.AFTER_A_PARSER) app.use(bodyParser({ jsonLimit: '5mb' })) // the route works after a body parser as well; place it before the parser if you can
const endpoint = webhook(receive, { replayGuard: new ReplayGuard() })
app.use((ctx, next) => (ctx.path === '/webhooks/scalekit' ? endpoint(ctx) : next()))
const server = app.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks/scalekit`)
})
