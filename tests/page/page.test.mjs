// The page of `headcount serve` in Chromium: the program against its sandbox, in a store that another process syncs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertFits, axe, browser, IMAGES, open, READ_TOKEN, ROOT, Scene, TOKEN, visit } from "./setup.mjs";

let scene;
let chrome;
/** Ids of what the views are about. */
let user;
let group;
let mallory;
let hold;

before(async () => {
  scene = await Scene.start({ users: 24, groups: 3, organizations: 2, seed: 7 });
  await scene.sync();
  await scene.run(["changes", "--consumer", "billing"]);
  const users = await scene.run(["users", scene.organization]);
  const groups = await scene.run(["groups", scene.organization]);
  user = users[0].id;
  group = groups[0].id;
  await scene.change("PATCH", `/users/${user}`, { family_name: "Lovelace" });
  await scene.change("PUT", `/groups/${group}/members/${user}`);
  mallory = await scene.change("POST", "/users", {
    email: "mallory@example.com",
    given_name: "<script>alert(1)</script>",
    family_name: "\u202eno\u0007",
  });
  await scene.sync();
  await scene.change("PATCH", `/users/${user}`, { active: false });
  await scene.sync();
  hold = await scene.hold(users[5].id);
  // Spreads the history over the last days, so that the diagrams have more than one day.
  execFileSync("python3", [join(ROOT, "tests/page/age.py"), scene.store]);
  await scene.serve();
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await scene?.stop();
});

/** The views: the name of the screenshot, the path, and a heading on it. */
const views = () => [
  ["overview", "/", "Overview"],
  ["directory", `/directories/${scene.directory}`, "Members"],
  ["groups", `/directories/${scene.directory}/groups`, "Groups"],
  ["syncs", `/directories/${scene.directory}/syncs`, "Syncs, newest first"],
  ["events", `/directories/${scene.directory}/events`, "Events, newest first"],
  ["user", `/users/${user}`, "Why the user has or lost access"],
  ["group", `/groups/${group}`, "Members"],
  ["hold", `/holds/${hold}`, "Who would lose access"],
  ["search", "/search?q=mallory%40example.com", "Search"],
];

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    test(`every view is accessible and fits into ${width} pixels, ${colorScheme}`, async () => {
      const page = await open(chrome, scene, { colorScheme, viewport: { width, height: 900 } });
      for (const [name, path, heading] of views()) {
        await visit(page, path);
        await page.getByRole("heading", { name: heading, exact: true }).first().waitFor();
        await assertFits(page);
        assert.deepEqual(await axe(page), [], path);
        const suffix = `${width === 360 ? "-narrow" : ""}${colorScheme === "dark" ? "-dark" : ""}`;
        // The list of a directory's members is long.
        await page.screenshot({ path: join(IMAGES, `${name}${suffix}.png`), fullPage: name !== "directory", animations: "disabled" });
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  }
}

describe("signing in", () => {
  test("the form is accessible, and a wrong token is refused", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(chrome, scene, { token: null, colorScheme });
      await page.goto(`/users/${user}`);
      await page.getByLabel("Token").fill("a-wrong-token-0123456789abcdef");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      assert.deepEqual(await axe(page), []);
      await page.screenshot({ path: join(IMAGES, `signin${colorScheme === "dark" ? "-dark" : ""}.png`), animations: "disabled" });
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  });

  test("the right token leads to the page that was asked for, and signing out ends the session", async () => {
    const page = await open(chrome, scene, { token: null });
    await page.goto(`/users/${user}`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Why the user has or lost access" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await page.goto("/");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.context().close();
  });
});

test("every view can be read without JavaScript", async () => {
  const page = await open(chrome, scene, { javaScriptEnabled: false });
  for (const [, path, heading] of views()) {
    await page.goto(path);
    await page.getByRole("heading", { name: heading, exact: true }).first().waitFor();
  }
  await page.goto("/");
  await page.getByLabel("Search by email address, id or name").fill(user);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("main").getByRole("link").first().click();
  await page.getByRole("heading", { name: "Why the user has or lost access" }).waitFor();
  assert.equal(await page.locator("#live").textContent(), "");
  await page.context().close();
});

test("a name with markup is text", async () => {
  const page = await open(chrome, scene);
  await visit(page, `/users/${mallory.id}`);
  const title = await page.getByRole("heading", { level: 1 }).textContent();
  assert.equal(title, "<script>alert(1)</script> \ufffdno\ufffd");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("the skip link is the first stop of the keyboard and leads to the content", async () => {
  const page = await open(chrome, scene);
  await visit(page, "/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "main");
  await page.context().close();
});

test("a user's change appears after a sync, and the focus and what was entered stay", async () => {
  const page = await open(chrome, scene);
  await visit(page, `/users/${mallory.id}`);
  const link = page.getByRole("main").getByRole("link").first();
  await link.focus();
  const focused = await link.getAttribute("href");
  await scene.change("PATCH", `/users/${mallory.id}`, { family_name: "Changed" });
  await scene.sync();
  await page.getByRole("heading", { level: 1, name: /Changed/ }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), focused);
  assert.match(await page.locator("#news").textContent(), /^The page was updated at /);

  await visit(page, `/holds/${hold}`);
  await page.getByLabel("Note").fill("half a sentence");
  await page.getByRole("radio", { name: "Dismiss" }).check();
  await page.getByLabel("Your name").fill("Ada");
  const updates = () => page.evaluate(() => Number(document.documentElement.dataset.loads ?? 0));
  const earlier = await updates();
  await scene.change("PATCH", `/users/${mallory.id}`, { family_name: "Again" });
  await scene.sync();
  await page.waitForFunction((earlier) => Number(document.documentElement.dataset.loads ?? 0) > earlier, earlier);
  assert.equal(await page.getByLabel("Note").inputValue(), "half a sentence");
  assert.equal(await page.getByRole("radio", { name: "Dismiss" }).isChecked(), true);
  assert.equal(await page.evaluate(() => document.activeElement.id), "by");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a viewer who may only read sees no form, and a forged one is refused", async () => {
  const page = await open(chrome, scene, { token: READ_TOKEN });
  await visit(page, `/holds/${hold}`);
  assert.equal(await page.getByRole("radio").count(), 0);
  assert.equal(await page.getByRole("button", { name: "Record the decision" }).count(), 0);
  await page.getByText("Read-only").waitFor();
  const status = await page.evaluate(async () => {
    const csrf = document.querySelector("input[name=csrf]").value;
    const body = new URLSearchParams({ csrf, decision: "approve", by: "Mallory" });
    return (await fetch(location.href, { method: "POST", body })).status;
  });
  assert.equal(status, 403);
  assert.equal((await scene.run(["holds", "list"])).length, 1);
  await page.context().close();
});

test("a form of another site is refused", async () => {
  const cookie = await scene.cookie();
  const url = `${scene.url}/holds/${hold}`;
  const csrf = /name="csrf" value="([^"]+)"/.exec(await (await fetch(url, { headers: { cookie } })).text())[1];
  const post = (headers, fields) => fetch(url, { method: "POST", headers: { cookie, ...headers }, body: new URLSearchParams(fields), redirect: "manual" });
  const form = { decision: "approve", by: "Mallory" };
  assert.equal((await post({ origin: "http://evil.example" }, { ...form, csrf })).status, 403);
  assert.equal((await post({ origin: "null" }, { ...form, csrf })).status, 403);
  assert.equal((await post({ origin: scene.url }, form)).status, 403);
  assert.equal((await post({ origin: scene.url }, { ...form, csrf: "guess" })).status, 403);
  assert.equal((await scene.run(["holds", "list"])).length, 1);
});

test("a hold is approved with the keyboard alone", async () => {
  const page = await open(chrome, scene);
  await visit(page, "/");
  /** Presses Tab until an element has the focus. */
  const tabTo = async (selector) => {
    for (let count = 0; count < 100; count += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) {
        return;
      }
    }
    assert.fail(`no Tab leads to ${selector}`);
  };
  await tabTo(".holds .button");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Who would lose access" }).waitFor();
  await tabTo("#approve");
  await page.keyboard.press("Space");
  await tabTo("#by");
  await page.keyboard.type("Grace Hopper");
  await tabTo("#note");
  await page.keyboard.type("left the company");
  await tabTo("button.main");
  await page.keyboard.press("Enter");
  await page.waitForURL(/#decided$/);
  await page.getByText("Approved by Grace Hopper").waitFor();
  await page.getByText("left the company").waitFor();
  await page.waitForFunction(() => document.activeElement.id === "decided");
  assert.deepEqual(await axe(page), []);
  await page.screenshot({ path: join(IMAGES, "decided.png"), fullPage: true, animations: "disabled" });
  assert.equal((await scene.run(["holds", "list"])).length, 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("an address without a page has a page that says so", async () => {
  const page = await open(chrome, scene);
  const response = await page.goto("/users/a%2Fb%22%3Cscript%3E%F0%9F%98%80");
  assert.equal(response.status(), 404);
  await page.getByRole("heading", { name: "Not Found" }).waitFor();
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
