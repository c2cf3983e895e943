// Compares verification and import in Node with other packages, as ratios within one run: `make bench`.
//
// Every figure is the median of several rounds. The packages are measured alternately, so that a disturbance of the machine affects all of them.
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { Webhook, verifyWebhookPayload } = createRequire(import.meta.url)(`${root}bindings-node`)
const peers = createRequire(`${root}tests/interop/package.json`)
const standardwebhooks = peers('standardwebhooks')
const svix = peers('svix')
const { Scalekit } = peers('@scalekit-sdk/node')

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const rounds = 9
/** Sorts the figures, and returns their median. */
const median = (figures) => figures.sort((a, b) => a - b)[figures.length >> 1]

/** Prints how long each package takes to verify a webhook of this size. Each round makes `number` calls. */
function verification(size, number) {
  const event = JSON.parse(readFileSync(`${root}tests/vectors/webhook_events.json`, 'utf8'))['organization.directory.user_created']
  event.data.note = 'x'.repeat(Math.max(0, size - JSON.stringify(event).length))
  const text = JSON.stringify(event)
  const body = Buffer.from(text)
  const ours = new Webhook(secret)
  const headers = {
    host: 'app.example.com',
    'user-agent': 'Svix-Webhooks/1.24',
    'content-length': String(body.length),
    'content-type': 'application/json',
    accept: '*/*',
    ...ours.sign(body),
  }
  const official = Object.create(Scalekit.prototype) // without its constructor, which uses the network
  const standard = new standardwebhooks.Webhook(secret)
  const svix_ = new svix.Webhook(secret)
  const calls = {
    'headcount, verify': () => ours.verify(body, headers).type,
    'headcount, verify and read the data': () => ours.verify(body, headers).data,
    'headcount, signature alone': () => ours.verifySignature(body, headers),
    'headcount, signature, and JSON.parse': () => ours.verifySignature(body, headers) && JSON.parse(text),
    'headcount, one-shot': () => verifyWebhookPayload(secret, headers, body),
    'official SDK': () => official.verifyWebhookPayload(secret, headers, text),
    'official SDK, and JSON.parse': () => official.verifyWebhookPayload(secret, headers, text) && JSON.parse(text),
    standardwebhooks: () => standard.verify(body, headers),
    svix: () => svix_.verify(body, headers),
    "the runtime's createHmac alone": () => createHmac('sha256', 'k'.repeat(24)).update(body).digest(),
    "the runtime's createHmac and JSON.parse": () => createHmac('sha256', 'k'.repeat(24)).update(body).digest() && JSON.parse(text),
  }
  const times = Object.fromEntries(Object.keys(calls).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries(calls)) {
      const started = process.hrtime.bigint()
      for (let at = 0; at < number; at++) call()
      times[name].push(Number(process.hrtime.bigint() - started) / number / 1000)
    }
  }
  const base = median([...times['headcount, signature alone']])
  console.log(`\nverify ${body.length.toLocaleString('en')} bytes`)
  for (const [name, figures] of Object.entries(times)) {
    const figure = median(figures)
    console.log(`  ${name.padEnd(40)} ${figure.toFixed(2).padStart(9)} µs  ${(figure / base).toFixed(1).padStart(6)} ×`)
  }
}

/** Prints how long importing each package takes. */
function importing() {
  console.log('\nimport, in a fresh process')
  const code = (path) => `const t = process.hrtime.bigint(); require(${JSON.stringify(path)}); console.log(Number(process.hrtime.bigint() - t) / 1e6)`
  for (const [name, path] of [['headcount', `${root}bindings-node`], ...['@scalekit-sdk/node', 'standardwebhooks', 'svix'].map((name) => [name, peers.resolve(name)])]) {
    const figures = Array.from({ length: rounds }, () => Number(execFileSync(process.execPath, ['-e', code(path)], { encoding: 'utf8' })))
    console.log(`  ${name.padEnd(40)} ${median(figures).toFixed(1).padStart(9)} ms`)
  }
}

console.log(`Node ${process.version}, ${process.arch}, ${cpus().length} cores`)
verification(1_100, 20_000)
verification(100_000, 500)
importing()
