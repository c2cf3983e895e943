'use strict'
const { Receiver, partsOf } = require('./endpoint.js')

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

function webhook(handler, options) {
  const receiver = new Receiver(handler, options).eager()
  // A plugin has a scope of its own: its body parser does not affect other routes.
  return async (fastify, { path }) => {
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: receiver.maxBody }, (request, body, done) => done(null, body))
    const send = async (reply, answer) => {
      const { status, headers, body } = await partsOf(answer)
      return reply.code(status).headers(headers).send(body)
    }
    fastify.route({
      method: METHODS,
      url: path,
      exposeHeadRoute: false,
      async handler(request, reply) {
        const body = request.body ?? Buffer.alloc(0)
        const sent = () => (reply.sent ? reply.raw.statusCode : undefined)
        const answer = await receiver.answer(request.method, request.headers, request.headers['content-length'], () => body, sent)
        return reply.sent ? reply : send(reply, answer)
      },
      errorHandler(error, request, reply) {
        if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return send(reply, 413)
        // Passed to the application's error handler. An error that is thrown here ends the process in early versions of Fastify 4.
        reply.send(error)
        return undefined
      },
    })
  }
}

module.exports = { webhook }
