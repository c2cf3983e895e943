// The package for `import`: the same objects as for `require`.
import headcount from './index.js'

export const { Client, Mirror, ReplayGuard, ScalekitClient, Sandbox, Webhook, errors, verifyInterceptorPayload, verifyWebhookPayload, version } = headcount
