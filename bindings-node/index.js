'use strict'
// The public names of the package. index.d.ts documents them.

const { Client } = require('./client.js')
const { errors } = require('./errors.js')
const { METRICS_CONTENT_TYPE, Mirror } = require('./mirror.js')
const { version } = require('./package.json')
const { ReplayGuard } = require('./replay.js')
const { Sandbox } = require('./sandbox.js')
const vendor = require('./vendor.js')
const { Webhook, verifyInterceptorPayload, verifyWebhookPayload } = require('./webhook.js')

module.exports = {
  Client,
  Scalekit: Client,
  ScalekitClient: Client,
  METRICS_CONTENT_TYPE,
  Mirror,
  ReplayGuard,
  Sandbox,
  Webhook,
  errors,
  verifyInterceptorPayload,
  verifyWebhookPayload,
  version,
  default: Client,
}
// Not spread into the object above: tools that read this file without running it would not find the names after a spread.
Object.assign(module.exports, vendor)
