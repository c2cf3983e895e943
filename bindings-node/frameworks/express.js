'use strict'
const { Receiver, respond } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options).eager()
  return (request, response, next) => {
    receiver.answerNode(request, request.body, response).then((answer) => respond(response, answer)).catch(next)
  }
}

module.exports = { webhook }
