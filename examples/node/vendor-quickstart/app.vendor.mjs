import { ScalekitClient } from '@scalekit-sdk/node';
import express from 'express';

const scalekit = new ScalekitClient(
  process.env.SCALEKIT_ENVIRONMENT_URL,
  process.env.SCALEKIT_CLIENT_ID,
  process.env.SCALEKIT_CLIENT_SECRET
);

// 1. The organizations, five a page.
const { organizations } = await scalekit.organization.listOrganization({
  pageSize: 5,
});
console.log(`organizations: ${organizations.length}`);
const organizationId = organizations[0].id;

// 2. An organization's primary directory.
const { directory } = await scalekit.directory.getPrimaryDirectoryByOrganizationId(organizationId);
console.log(`primary directory: ${directory.id}`);

// 3. A directory by its id.
const { directory: byId } = await scalekit.directory.getDirectory(organizationId, directory.id);
console.log(`directory: ${byId.name}`);

// 4. The directory's users and groups.
const { users } = await scalekit.directory.listDirectoryUsers(organizationId, directory.id);
console.log(`first user: ${users[0].email}`);
const { groups } = await scalekit.directory.listDirectoryGroups(organizationId, directory.id);
console.log(`groups: ${groups.length}`);

// 5. A webhook for each change.
const app = express();
app.use(express.json());

app.post('/api/webhook/user-access', async (req, res) => {
  const secret = process.env.SCALEKIT_WEBHOOK_SECRET;
  const event = req.body;
  const headers = req.headers;

  try {
    await scalekit.verifyWebhookPayload(secret, headers, event);
  } catch (error) {
    console.error('Webhook signature verification failed:', error.message);
    return res.status(400).json({
      error: 'Invalid signature',
    });
  }

  const { email } = event.data;
  console.log(`${event.type}: ${email}`);
  res.status(201).json({
    message: 'User account created',
  });
});

const server = app.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/api/webhook/user-access`);
});
