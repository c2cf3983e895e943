'use strict'
const { Receiver, headersOf } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options)
  return async (ctx) => {
    // A body parser keeps what it read where Koa's request is, and not where Node's is.
    const status = await receiver.answerNode(ctx.req, ctx.request.rawBody ?? ctx.request.body)
    ctx.status = status
    ctx.set(headersOf(status))
    ctx.body = ''
  }
}

module.exports = { webhook }
