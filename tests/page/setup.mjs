// Starts the program with a sandbox and a store of its own, and Chromium; and checks pages with axe-core.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PROGRAM = process.env.HEADCOUNT_COMMAND ?? join(ROOT, "target/debug/headcount");
const CHROMIUM = process.env.HEADCOUNT_CHROMIUM ?? "/usr/bin/chromium";

/** Tokens that may write, and that may only read. */
export const TOKEN = "a-token-that-may-write-0123456789";
export const READ_TOKEN = "a-token-that-may-read-0123456789";

/** How long a test waits for an event, in milliseconds. */
export const LIMIT = 30_000;

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Where screenshots go: into the documentation with HEADCOUNT_BLESS=1, or else into a temporary folder. */
export const IMAGES = process.env.HEADCOUNT_BLESS ? join(ROOT, "docs/images/page") : (process.env.HEADCOUNT_SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "headcount-images-")));
mkdirSync(IMAGES, { recursive: true });

/** Starts a program that prints one line of JSON when it is ready. */
async function start(args, env, cwd) {
  const child = spawn(PROGRAM, args, { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`${PROGRAM} ${args.join(" ")} ended with ${code}`);
  });
  const [line] = await Promise.race([once(lines, "line"), failed]);
  failed.catch(() => {});
  const stop = async () => {
    const ended = once(child, "exit");
    child.stdin.end();
    child.kill("SIGTERM");
    await ended;
  };
  return { ready: JSON.parse(line), stop };
}

/** A sandbox with its page. */
export class Playground {
  static async start(sizes) {
    const playground = new Playground();
    const options = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);
    playground.program = await start(["sandbox", "--exit-with-stdin", "--quiet", ...options], { PATH: process.env.PATH }, tmpdir());
    playground.settings = playground.program.ready;
    playground.url = playground.settings.environment_url;
    return playground;
  }

  stop() {
    return this.program.stop();
  }

  /** Makes a request to the control API. Returns the body of the response. */
  change(method, path, body) {
    return control(this.settings.control_url, method, path, body);
  }
}

/** Makes a request to the control API of a sandbox. */
async function control(url, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
  return text ? JSON.parse(text) : null;
}

/** A sandbox, a mirror of it in a file, and the page that serves the mirror. */
export class Scene {
  static async start(sizes) {
    const scene = new Scene();
    scene.folder = mkdtempSync(join(tmpdir(), "headcount-page-"));
    const plain = { PATH: process.env.PATH, HOME: scene.folder, TMPDIR: process.env.TMPDIR ?? tmpdir() };
    const options = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);
    scene.sandbox = await start(["sandbox", "--exit-with-stdin", ...options], plain, scene.folder);
    const settings = scene.sandbox.ready;
    scene.organization = settings.organization_id;
    scene.directory = settings.directory_id;
    scene.store = join(scene.folder, "headcount.db");
    scene.env = {
      ...plain,
      SCALEKIT_ENVIRONMENT_URL: settings.environment_url,
      SCALEKIT_CLIENT_ID: settings.client_id,
      SCALEKIT_CLIENT_SECRET: settings.client_secret,
      SCALEKIT_WEBHOOK_SECRET: settings.webhook_secret,
      HEADCOUNT_STORE: scene.store,
    };
    return scene;
  }

  /** Starts the server. No syncs on a schedule, because the tests decide when something changes. */
  async serve() {
    const env = { ...this.env, HEADCOUNT_TOKEN: TOKEN, HEADCOUNT_READ_TOKEN: READ_TOKEN };
    this.server = await start(["serve", "--json", "--listen", "127.0.0.1:0", "--sync-every", "off"], env, this.folder);
    this.url = this.server.ready.url;
  }

  async stop() {
    await this.server?.stop();
    await this.sandbox.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of the program, in another process than the server. Returns the documents that it printed. */
  async run(args, codes = [0]) {
    const ran = await promisify(execFile)(PROGRAM, [...args, "--json"], { env: this.env, cwd: this.folder }).catch((error) => error);
    const code = ran.code ?? 0;
    if (!codes.includes(code)) {
      throw new Error(`headcount ${args.join(" ")} ended with ${code}: ${ran.stderr}`);
    }
    return ran.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Syncs everything. It is no error that the guard holds something. */
  sync() {
    return this.run(["sync", "--full", "--quiet"], [0, 3]);
  }

  /** Changes the sandbox with a request to its control API. */
  change(method, path, body) {
    return control(this.sandbox.ready.control_url, method, path, body);
  }

  /** Protects a user, removes the user in the directory, and syncs. Returns the id of the hold that this makes. */
  async hold(user) {
    const known = new Set((await this.run(["holds", "list"])).map((hold) => hold.id));
    await this.run(["protect", user, "--reason", "last admin"]);
    await this.change("DELETE", `/users/${user}`);
    await this.sync();
    return (await this.run(["holds", "list"])).find((hold) => !known.has(hold.id)).id;
  }

  /** Signs in without a browser. Returns the cookie. */
  async cookie(token = TOKEN) {
    const response = await fetch(`${this.url}/signin`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ token, next: "/" }),
    });
    return response.headers.getSetCookie()[0].split(";")[0];
  }
}

/** Starts Chromium. Its sandbox does not work for root, as whom containers often run. */
export function browser() {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * Opens a page in a new session. The page collects, in `faults`, what none may do: dialogs, requests to other servers, errors of scripts, and violations of the policy.
 */
export async function open(chrome, scene, { token = TOKEN, ...options } = {}) {
  const context = await chrome.newContext({ baseURL: scene.url, viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  page.faults = [];
  page.on("dialog", (dialog) => {
    page.faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${scene.url}/`) && !url.startsWith("data:")) {
      page.faults.push(`request to ${url}`);
    }
  });
  page.on("pageerror", (error) => page.faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // Chromium logs each violation of a policy as an error, and also each response with an error status, which tests ask for.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      page.faults.push(`console: ${message.text()}`);
    }
  });
  if (token) {
    await page.goto("/signin");
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  }
  return page;
}

/** Goes to a page and waits until it is live. */
export async function visit(page, path) {
  await page.goto(path);
  await page.locator("#live[data-state=on]").waitFor();
}

/** Returns what axe-core finds that is serious or critical. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { passes, violations } = await page.evaluate(() => window.axe.run());
  assert.ok(passes.length > 10, `axe-core checked only ${passes.length} rules`);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
}

/** Fails if a page is wider than its window. */
export async function assertFits(page) {
  const [scroll, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(scroll <= room, `${page.url()} is ${scroll} pixels wide`);
}
