// What every browser script does: read its values, open Chromium, talk with the scene, print what it saw.
// Lines of JSON on standard input and output: first the values come in; {ask, value} goes out and an answer comes in;
// {seen} goes out last.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

async function receive() {
  const { value, done } = await lines.next();
  if (done) throw new Error("the scene has gone");
  return JSON.parse(value);
}

/** Lets the scene do something outside the browser, and gives back what it answers. */
export async function askScene(what, value = null) {
  say({ ask: what, value });
  return receive();
}

/** Runs `act(page, values, shot)`; `shot(name)` leaves a screenshot in the artefacts. The result of `act` is what was seen. */
export async function play(act) {
  const values = await receive();
  const browser = await chromium.launch({
    executablePath: values.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", timezoneId: "UTC" });
  const page = await context.newPage();
  page.setDefaultTimeout(values.patience_s * 1000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // The browser itself logs every answer of 4xx; the page is meant to show those.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) problems.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (values.origin && !url.startsWith(values.origin) && !/^(data|blob):/.test(url)) problems.push(`it asked another origin: ${url}`);
  });
  const shot = (name) => page.screenshot({ path: `${values.artefacts}/${name}.png`, fullPage: true });
  try {
    const seen = await act(page, values, shot, context);
    if (problems.length) throw new Error(`the page reported: ${problems.join("; ")}`);
    say({ seen });
  } catch (error) {
    await shot("failure").catch(() => {});
    console.error(error.stack);
    process.exitCode = 1;
  } finally {
    await browser.close();
    process.stdin.destroy();
  }
}

/** Signs in with a one-time link and waits for the list of domains. */
export async function signIn(page, link) {
  await page.goto(link);
  await page.getByTestId("shell").waitFor();
}
