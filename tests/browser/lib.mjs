// What every browser script does: read its values, open Chromium, print what it saw as one JSON line.
import { chromium } from "playwright-core";

async function standardInput() {
  let text = "";
  for await (const piece of process.stdin) text += piece;
  return JSON.parse(text);
}

/** Runs `act(page, values, shot)`; `shot(name)` leaves a screenshot in the artefacts. The result of `act` is what was seen. */
export async function play(act) {
  const values = await standardInput();
  const browser = await chromium.launch({
    executablePath: values.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  const shot = (name) => page.screenshot({ path: `${values.artefacts}/${name}.png`, fullPage: true });
  try {
    const seen = await act(page, values, shot, context);
    if (problems.length) throw new Error(`the page reported: ${problems.join("; ")}`);
    console.log(JSON.stringify(seen));
  } catch (error) {
    await shot("failure").catch(() => {});
    console.error(error.stack);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
