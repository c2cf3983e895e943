// The site in Chromium: every page of build/site, which `make docs` builds, served by a server of the test.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { browser, ROOT } from "../page/setup.mjs";

const SITE = join(ROOT, "build/site");
const AXE = readFileSync(createRequire(new URL("../page/", import.meta.url)).resolve("axe-core/axe.min.js"), "utf8");
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png" };
/** How many pages are opened at a time. */
const TABS = 3;
/** Pages that are tested with axe-core too: one of each kind. */
const REPRESENTATIVE = ["index", "docs/start", "docs/access", "reference/errors", "reference/c/client", "reference/python/Client", "reference/node/index"];

const pages = readdirSync(SITE, { recursive: true }).filter((file) => file.endsWith(".html") && !file.startsWith("rust/"));
let server;
let url;
let chrome;

before(async () => {
  server = createServer((request, response) => {
    const file = join(SITE, normalize(decodeURIComponent(new URL(request.url, "http://site").pathname)));
    try {
      const bytes = readFileSync(statSync(file).isDirectory() ? join(file, "index.html") : file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${server.address().port}/`;
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  server?.close();
});

/** Opens a tab of a width. It collects in `faults` what no page may do: requests to other servers, missing files, errors of scripts. */
async function tab(options) {
  const context = await chrome.newContext({ baseURL: url, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) page.faults.push(`${page.url()} requests ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) page.faults.push(`${page.url()}: ${response.url()} is ${response.status()}`);
  });
  page.on("pageerror", (error) => page.faults.push(`${page.url()}: ${error.message}`));
  return page;
}

test("every page fits into 360 pixels, and requests nothing from another server", async () => {
  assert.ok(pages.length > 100, `expected the pages of the site in ${SITE}, got ${pages.length}: run make docs`);
  const left = [...pages];
  const faults = [];
  const read = async () => {
    const page = await tab({ viewport: { width: 360, height: 800 } });
    for (let next = left.pop(); next; next = left.pop()) {
      await page.goto(next, { waitUntil: "load" });
      // Furo cuts off what is too wide for the page, so the width of the document says nothing. A program or a table is scrolled by itself.
      const widest = await page.evaluate(() => {
        const wide = [...document.querySelectorAll("article *")].find((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest("pre, .table-wrapper"));
        return wide && `${Math.round(wide.getBoundingClientRect().right)} pixels wide: ${wide.outerHTML.slice(0, 200)}`;
      });
      if (widest) faults.push(`${next} is ${widest}`);
    }
    faults.push(...page.faults);
    await page.context().close();
  };
  await Promise.all(Array.from({ length: TABS }, read));
  assert.deepEqual(faults, []);
});

for (const colorScheme of ["light", "dark"]) {
  test(`a page of each kind is accessible, ${colorScheme}`, async () => {
    const page = await tab({ colorScheme, viewport: { width: 1280, height: 900 } });
    for (const name of REPRESENTATIVE) {
      await page.goto(`${name}.html`);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => window.axe.run("article"));
      const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      assert.deepEqual(serious.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map(({ html }) => html).join("; ")}`), []);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

/** Questions of a newcomer, and the page that one of the first results has to be. */
const QUESTIONS = {
  "hc_mirror_open": "reference/c/mirror.html",
  "mass_removal": "reference/errors.html",
  "verify in fastify": "docs/webhooks.html",
  "emptied": "docs/emptied.html",
  "which error": "docs/errors.html",
  "move postgresql": "docs/many-machines.html",
  "guard_users": "reference/settings.html",
};

test("the search finds the page for a question", async () => {
  const page = await tab({ viewport: { width: 1280, height: 900 } });
  for (const [question, answer] of Object.entries(QUESTIONS)) {
    await page.goto(`search.html?q=${encodeURIComponent(question)}`);
    await page.locator("#search-results li a").first().waitFor();
    await page.locator("#search-results .search-summary").waitFor();
    await page.waitForFunction(() => !document.querySelector("#search-results h2")?.textContent.includes("Searching"));
    const found = await page.locator("#search-results li a").evaluateAll((links) => links.map((link) => new URL(link.href).pathname.slice(1)));
    assert.ok(found.slice(0, 8).includes(answer), `${question}: expected ${answer} among the first results, got ${found.slice(0, 8)}`);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("the tabs of the first page show a program for each language", async () => {
  const page = await tab({ viewport: { width: 1280, height: 900 } });
  await page.goto("docs/start.html");
  for (const [language, text] of [["Node", "Client.fromEnv()"], ["Rust", "Client::from_env()"], ["C", "hc_client_from_env"], ["Shell", "headcount sync"], ["Python", "headcount.Client.from_env()"]]) {
    await page.locator("label.tab-label", { hasText: new RegExp(`^${language}$`) }).click();
    await page.locator(".tab-content:visible", { hasText: text }).waitFor();
  }
  await page.context().close();
});
