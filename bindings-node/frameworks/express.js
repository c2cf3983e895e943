'use strict'
const { Receiver, respond } = require('./endpoint.js')

function webhook(handler, options) {
  const receiver = new Receiver(handler, options)
  return (request, response, next) => {
    receiver.answerNode(request, request.body).then((status) => respond(response, status), next)
  }
}

module.exports = { webhook }
