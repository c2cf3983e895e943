'use strict'
const { Receiver, partsOf } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options).eager()
  return async (ctx) => {
    // Body parsers set properties of Koa's request, not of Node's.
    const answer = await receiver.answerNode(ctx.req, ctx.request.rawBody ?? ctx.request.body, ctx.res)
    if (ctx.res.headersSent) return
    const { status, headers, body } = await partsOf(answer)
    ctx.status = status
    ctx.body = body
    ctx.set(headers)
  }
}

module.exports = { webhook }
