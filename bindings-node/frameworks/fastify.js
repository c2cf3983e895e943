'use strict'
const { Receiver, headersOf } = require('./endpoint.js')

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

function webhook(handler, options) {
  const receiver = new Receiver(handler, options)
  // A plugin has a scope of its own: its body parser does not affect other routes.
  return async (fastify, { path }) => {
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: receiver.webhook.maxBody }, (request, body, done) => done(null, body))
    const answer = (reply, status) => reply.code(status).headers(headersOf(status)).send('')
    fastify.route({
      method: METHODS,
      url: path,
      exposeHeadRoute: false,
      async handler(request, reply) {
        const body = request.body ?? Buffer.alloc(0)
        return answer(reply, await receiver.answer(request.method, request.headers, request.headers['content-length'], () => body))
      },
      errorHandler(error, request, reply) {
        if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error
        return answer(reply, 413)
      },
    })
  }
}

module.exports = { webhook }
