'use strict'
const { Receiver, respond } = require('./endpoint.js')

function webhook(handler, options = {}) {
  const receiver = new Receiver(handler, options, ['onError'])
  const onError = options.onError ?? ((error) => console.error(error))
  return async (request, response) => {
    let status = 500
    try {
      status = await receiver.answerNode(request, request.body)
    } catch (error) {
      onError(error)
    }
    respond(response, status)
  }
}

module.exports = { webhook }
