'use strict'
const { callback } = require('../arguments.js')
const { Receiver, respond } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options, ['onError']).eager()
  const onError = callback('onError', options?.onError) ?? ((error) => console.error(error))
  return async (request, response) => {
    let answer = 500
    try {
      answer = await receiver.answerNode(request, request.body, response)
    } catch (error) {
      onError(error)
    }
    await respond(response, answer).catch((error) => {
      onError(error)
      response.destroy()
    })
  }
}

module.exports = { webhook }
