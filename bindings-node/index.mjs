// The package for `import`: the same objects as for `require`.
import headcount from './index.js'

export const {
  Client,
  METRICS_CONTENT_TYPE,
  Mirror,
  ReplayGuard,
  Sandbox,
  Scalekit,
  ScalekitClient,
  Webhook,
  errors,
  verifyInterceptorPayload,
  verifyWebhookPayload,
  version,
} = headcount
export default headcount.Client
export const {
  ScalekitBadRequestException,
  ScalekitCancelledException,
  ScalekitConflictException,
  ScalekitException,
  ScalekitForbiddenException,
  ScalekitGatewayTimeoutException,
  ScalekitInternalServerException,
  ScalekitNotFoundException,
  ScalekitNotImplementedException,
  ScalekitServerException,
  ScalekitServiceUnavailableException,
  ScalekitTooManyRequestsException,
  ScalekitUnauthorizedException,
  WebhookVerificationError,
} = headcount
