// The same package for `import`: one copy of it, however it was asked for.
import headcount from './index.js'

export const { Client, Mirror, ReplayGuard, ScalekitClient, Sandbox, Webhook, errors, verifyInterceptorPayload, verifyWebhookPayload, version } = headcount
