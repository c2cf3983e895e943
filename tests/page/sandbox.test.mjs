// The page of `headcount sandbox` in Chromium: the program, and an endpoint that receives its webhooks.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertFits, axe, browser, IMAGES, open as openPage, Playground, visit } from "./setup.mjs";

let playground;
let chrome;
let endpoint;
/** Requests that the endpoint has received. */
const received = [];
/** Ids of what the views are about. */
let directory;
let user;
let group;
let message;

before(async () => {
  endpoint = createServer((request, response) => {
    request.resume().on("end", () => {
      received.push(request.headers);
      // The first webhook fails, so that one delivery has an error.
      response.writeHead(received.length === 1 ? 500 : 202, { "content-type": "text/plain" });
      response.end(received.length === 1 ? "<script>alert(1)</script> is not known here\n" : "accepted");
    });
  });
  await once(endpoint.listen(0, "127.0.0.1"), "listening");
  playground = await Playground.start({ users: 60, groups: 4, organizations: 2, seed: 7 });
  directory = playground.settings.directory_id;
  await playground.change("POST", "/endpoints", { url: hook("first") });
  const mallory = await playground.change("POST", "/users", {
    email: "mallory@example.com",
    given_name: "<script>alert(1)</script>",
    family_name: "\u202eno\u0007",
    title: "<b>Analyst</b>",
    groups: ["Sales"],
  });
  message = (await attempts(1)).message_id;
  await playground.change("PATCH", `/users/${mallory.id}`, { family_name: "Mallory" });
  await playground.change("DELETE", `/users/${(await users())[0].id}`);
  await attempts(1, 2);
  user = mallory.id;
  group = (await playground.change("GET", `/directories/${directory}/groups`)).groups[0].id;
  await playground.change("PUT", "/fault", { faults: ["429:5", "latency:500ms"], every: 3 });
  await playground.change("PUT", "/webhooks", { delay: "10m" });
  await playground.change("PATCH", `/users/${mallory.id}`, { family_name: "Waiting" });
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await playground?.stop();
  endpoint?.close();
});

const hook = (name) => `http://127.0.0.1:${endpoint.address().port}/${name}`;
const users = async (search = "") => (await playground.change("GET", `/directories/${directory}/users?search=${encodeURIComponent(search)}`)).users;

/** Waits until a delivery has so many attempts, and returns it. */
async function attempts(count, index = 0) {
  for (;;) {
    const { deliveries } = await playground.change("GET", "/deliveries");
    if (deliveries[index]?.attempts.length >= count && deliveries[index].state !== "sending") {
      return deliveries[index];
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const open = (options = {}) => openPage(chrome, playground, { token: null, ...options });

/** The views: the name of the screenshot, the path, and a heading on it. */
const views = () => [
  ["sandbox", "/", "Break the API"],
  ["sandbox-users", "/users", "All directories"],
  ["sandbox-directory", `/directories/${directory}?q=fatima`, "Hire"],
  ["sandbox-groups", `/directories/${directory}/groups`, "Groups"],
  ["sandbox-user", `/users/${user}`, "Change"],
  ["sandbox-group", `/groups/${group}`, "Members"],
  ["sandbox-webhooks", "/webhooks", "Deliveries, newest first"],
  ["sandbox-delivery", `/webhooks/${message}`, "Attempts"],
];

/** The views whose pictures are in the documentation. */
const DOCUMENTED = new Set(["sandbox", "sandbox-user", "sandbox-webhooks", "sandbox-delivery"]);

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    test(`every view is accessible and fits into ${width} pixels, ${colorScheme}`, async () => {
      const page = await open({ colorScheme, viewport: { width, height: 900 } });
      for (const [name, path, heading] of views()) {
        await visit(page, path);
        await page.getByRole("heading", { name: heading, exact: true }).first().waitFor();
        for (const details of await page.locator("details").all()) {
          // Those of the secrets stay closed in the pictures.
          if ((await details.getAttribute("id")) !== "connect") {
            await details.locator("summary").click();
          }
        }
        await assertFits(page);
        assert.deepEqual(await axe(page), [], path);
        if (process.env.HEADCOUNT_BLESS && !DOCUMENTED.has(name)) {
          continue;
        }
        const suffix = `${width === 360 ? "-narrow" : ""}${colorScheme === "dark" ? "-dark" : ""}`;
        await page.screenshot({ path: join(IMAGES, `${name}${suffix}.png`), fullPage: name !== "sandbox-users", animations: "disabled" });
      }
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  }
}

test("the secrets are hidden until they are asked for", async () => {
  const page = await open();
  await visit(page, "/");
  const secret = page.getByText(playground.settings.client_secret);
  assert.equal(await secret.isVisible(), false);
  await page.getByText("Connect a program").click();
  await secret.waitFor();
  assert.match(await page.locator("#connect pre").textContent(), /^export SCALEKIT_ENVIRONMENT_URL='http:\/\/127\.0\.0\.1:\d+'\n/);
  assert.deepEqual(await axe(page), []);
  await page.context().close();
});

test("a name with markup is text", async () => {
  const page = await open();
  await visit(page, `/users/${user}`);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "<script>alert(1)</script> Waiting");
  await visit(page, `/webhooks/${message}`);
  await page.getByText("Response", { exact: false }).first().click();
  await page.getByText("<script>alert(1)</script> is not known here").waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

for (const javaScriptEnabled of [true, false]) {
  test(`somebody is hired, changed, moved, deactivated and fired ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
    const page = await open({ javaScriptEnabled });
    const email = `ada${javaScriptEnabled}@example.com`;
    await page.goto(`/directories/${directory}`);
    await page.getByLabel("Email address", { exact: true }).fill(email);
    await page.getByLabel("Given name").fill("Ada");
    await page.getByLabel("Group", { exact: true }).selectOption({ label: "Sales" });
    await page.getByRole("button", { name: "Hire" }).click();
    await page.getByText("The user was created.").waitFor();
    await page.getByLabel("Title").fill("Countess");
    await page.getByLabel("Family name").fill("King");
    await page.getByRole("button", { name: "Change the user" }).click();
    await page.getByRole("heading", { level: 1, name: "Ada King" }).waitFor();
    assert.equal(await page.getByLabel("Sales").isChecked(), true);
    await page.getByLabel("Sales").uncheck();
    await page.getByLabel("Engineering").check();
    await page.getByRole("button", { name: "Move the user" }).click();
    await page.getByText("The groups of the user were changed.").waitFor();
    await page.getByRole("button", { name: "Deactivate the user" }).click();
    await page.getByRole("button", { name: "Reactivate the user" }).waitFor();
    const [ada] = await users(email);
    assert.deepEqual([ada.title, ada.active, ada.groups.map((group) => group.display_name)], ["Countess", false, ["Engineering"]]);
    await page.getByRole("button", { name: "Fire Ada King" }).click();
    await page.getByText("The user was deleted.").waitFor();
    assert.deepEqual(await users(email), []);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("a form with a wrong value says so, keeps what was entered, and stays when something changes", async () => {
  const page = await open();
  await visit(page, `/directories/${directory}`);
  await page.getByLabel("Email address", { exact: true }).fill("nobody");
  await page.getByLabel("Given name").fill("Ada");
  await page.getByRole("button", { name: "Hire" }).click();
  await page.getByRole("alert").getByText("email: expected an address").waitFor();
  await page.waitForFunction(() => document.activeElement.id === "wrong");
  await page.locator("#live[data-state=off]").waitFor();
  await playground.change("PATCH", `/users/${user}`, { title: "Changed meanwhile" });
  assert.equal(await page.getByLabel("Email address", { exact: true }).inputValue(), "nobody");
  assert.equal(await page.getByLabel("Given name").inputValue(), "Ada");
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a change appears at once, what was entered stays, and what was not is new", async () => {
  const page = await open();
  await visit(page, `/users/${user}`);
  await page.getByLabel("Given name").fill("half a na");
  await playground.change("PATCH", `/users/${user}`, { title: "Director" });
  await page.waitForFunction(() => document.getElementById("change-title").value === "Director");
  assert.equal(await page.getByLabel("Given name").inputValue(), "half a na");
  assert.equal(await page.evaluate(() => document.activeElement.id), "change-given_name");
  await page.context().close();
});

test("the API is broken and mended, and the clock advanced, with the keyboard alone", async () => {
  await playground.change("DELETE", "/fault");
  const page = await open();
  await visit(page, "/");
  await page.getByLabel("What happens").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Tab");
  await page.keyboard.type("503");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("2");
  await page.keyboard.press("Enter");
  await page.getByText("The API fails from now on.").waitFor();
  await page.waitForFunction(() => document.activeElement.id === "done");
  assert.deepEqual((await playground.change("GET", "/fault")).faults, ["expire-token", "503"]);
  await page.getByRole("button", { name: "End the faults" }).press("Enter");
  await page.getByText("No call fails.").waitFor();
  const { now } = await playground.change("GET", "/clock");
  await page.getByLabel("By", { exact: true }).fill("2h");
  await page.keyboard.press("Enter");
  await page.getByText("The clock was moved forward.").waitFor();
  assert.ok(Date.parse((await playground.change("GET", "/clock")).now) - Date.parse(now) >= 7_200_000);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a webhook is sent again with the same message id and another signature", async () => {
  const page = await open();
  await visit(page, `/webhooks/${message}`);
  // The vendor's schedule has repeated it once.
  await attempts(2);
  const sent = received.filter((headers) => headers["webhook-id"] === message).length;
  // A signature of another second differs.
  await page.waitForTimeout(1_100);
  await page.getByRole("button", { name: "Send again" }).click();
  await page.getByText("The webhook is sent again.").waitFor();
  await page.getByText(`Attempt ${sent + 1}`, { exact: true }).waitFor();
  const signatures = received.filter((headers) => headers["webhook-id"] === message).map((headers) => headers["webhook-signature"]);
  assert.equal(signatures.length, sent + 1);
  assert.equal(new Set(signatures).size, sent + 1);
  await page.getByText(`Headers of the request of attempt ${sent + 1}`).click();
  await page.getByText(signatures.at(-1)).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("half of a directory leaves, and an endpoint is removed", async () => {
  const page = await open();
  await visit(page, `/directories/${directory}`);
  const before = (await playground.change("GET", "/directories")).directories.find(({ id }) => id === directory).users;
  await page.getByLabel("Percent of the users").fill("50");
  await page.getByRole("button", { name: "Delete these users" }).click();
  await page.getByText("The users were deleted.").waitFor();
  const left = (await playground.change("GET", "/directories")).directories.find(({ id }) => id === directory).users;
  assert.equal(left, before - Math.ceil(before / 2));
  await visit(page, "/webhooks");
  await page.getByLabel("URL").fill(hook("second"));
  await page.getByRole("button", { name: "Register the endpoint" }).click();
  await page.getByRole("button", { name: `Remove ${hook("first")}` }).click();
  await page.getByText("The endpoint was removed.").waitFor();
  assert.deepEqual((await playground.change("GET", "/endpoints")).endpoints, [hook("second")]);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a form of another site is refused", async () => {
  const url = `${playground.url}/users/${user}`;
  const csrf = /name="csrf" value="([^"]+)"/.exec(await (await fetch(url)).text())[1];
  const post = (headers, fields) => fetch(url, { method: "POST", headers, body: new URLSearchParams(fields), redirect: "manual" });
  assert.equal((await post({ origin: "http://evil.example" }, { do: "fire", csrf })).status, 403);
  assert.equal((await post({ origin: "null" }, { do: "fire", csrf })).status, 403);
  assert.equal((await post({ origin: playground.url }, { do: "fire" })).status, 403);
  assert.equal((await post({ origin: playground.url }, { do: "fire", csrf: "guess" })).status, 403);
  assert.equal((await fetch(url)).status, 200);
});
