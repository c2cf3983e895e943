'use strict'
const { Receiver, headersOf } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options)
  return async (ctx) => {
    // Body parsers set properties of Koa's request, not of Node's.
    const status = await receiver.answerNode(ctx.req, ctx.request.rawBody ?? ctx.request.body)
    ctx.status = status
    ctx.set(headersOf(status))
    ctx.body = ''
  }
}

module.exports = { webhook }
