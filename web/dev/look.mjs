// Looks at every screen as a person would: screenshots in both languages, light and dark, wide and 360 px, from the
// built panel behind the mock server and its content security policy; axe must find nothing, the page must not scroll
// sideways, and nothing may be written to the console.
//   npm run build && npm run look [-- NAME…]       pictures in ../build/artefacts/panel
import { readFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = fileURLToPath(new URL("../../build/artefacts/panel/", import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const openMode = async (page) => {
  await page.getByTestId("change-mode").click();
  await page.getByTestId("choose-enforce").check({ force: true });
  await page.getByTestId("consequence").waitFor();
};
const screens = [
  { name: "sign-in", path: "/", anonymous: true, ready: "sign-in" },
  { name: "domains", path: "/", ready: "domains" },
  { name: "enforce", path: "/domains/example.com", ready: "sessions-chart" },
  { name: "attention", path: "/domains/shop.example", ready: "sessions-chart", act: (page) => page.locator("[data-testid=failure] summary").first().click() },
  { name: "testing", path: "/domains/xn--80a1acny.xn--p1ai", ready: "sessions-chart" },
  { name: "mode-refused", path: "/domains/xn--80a1acny.xn--p1ai", ready: "sessions-chart", act: openMode, view: true },
  { name: "mode-leave", path: "/domains/example.com", ready: "sessions-chart", act: (page) => page.getByTestId("change-mode").click(), view: true },
  { name: "pending", path: "/domains/new.example", ready: "records" },
  { name: "retiring", path: "/domains/old.example", ready: "records" },
  { name: "monitored", path: "/domains/partner.example", ready: "monitored" },
  { name: "add", path: "/add", ready: "add-names" },
  { name: "wizard", path: "/add/new.example", ready: "records" },
  { name: "wizard-certificate", path: "/add/shop-two.example", ready: "progress-steps" },
  { name: "report", path: "/domains/shop.example/reports/r-1042", ready: "report-page" },
  { name: "sending", path: "/sending", ready: "cache" },
  { name: "sent-day", path: "/sending/2026-11-23", ready: "counted" },
  { name: "sent-report", path: "/sending/2026-11-23/example.org", ready: "sent-json" },
  { name: "alerts", path: "/alerts", ready: "alert", act: (page) => page.getByTestId("acknowledge").first().click() },
  { name: "audit", path: "/audit", ready: "audit-row" },
];
const looks = [
  { name: "en-light", language: "en", theme: "light", width: 1360, height: 900 },
  { name: "ru-light", language: "ru", theme: "light", width: 1360, height: 900 },
  { name: "ru-dark", language: "ru", theme: "dark", width: 1360, height: 900 },
  { name: "en-360", language: "en", theme: "light", width: 360, height: 740 },
  { name: "ru-360", language: "ru", theme: "dark", width: 360, height: 740 },
];

const wanted = process.argv.slice(2);
await mkdir(out, { recursive: true });
const server = await preview({ root, mode: "mock", preview: { port: 4199, host: "127.0.0.1" }, logLevel: "warn" });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let problems = 0;
const complain = (...words) => {
  problems += 1;
  console.log(...words);
};

for (const look of looks) {
  const context = await browser.newContext({ viewport: { width: look.width, height: look.height }, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", deviceScaleFactor: 1 });
  await context.addInitScript(([language, theme]) => {
    window.localStorage.setItem("postseal.language", language);
    window.localStorage.setItem("postseal.theme", theme);
  }, [look.language, look.theme]);
  for (const screen of screens) {
    if (wanted.length > 0 && !wanted.some((w) => `${screen.name}.${look.name}`.includes(w))) continue;
    const page = await context.newPage();
    const where = `${screen.name} ${look.name}:`;
    page.on("console", (message) => {
      // The sign-in screen comes from the 401 that the browser itself reports.
      if (["error", "warning"].includes(message.type()) && !(screen.anonymous && message.text().includes("401"))) complain(where, message.text());
    });
    page.on("pageerror", (error) => complain(where, error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith("http://127.0.0.1:4199/")) complain(where, "asks another origin:", request.url());
    });
    if (!screen.anonymous) await page.goto("http://127.0.0.1:4199/sign-in?token=mock");
    else await context.clearCookies();
    await page.goto(`http://127.0.0.1:4199${screen.path}`);
    await page.getByTestId(screen.ready).first().waitFor({ timeout: 15_000 });
    if (screen.act) await screen.act(page);
    await new Promise((resolve) => setTimeout(resolve, 350));
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (sideways > 0) complain(where, `scrolls sideways by ${sideways} px`);
    const wide = await page.evaluate(() => [...document.querySelectorAll("table")].filter((table) => table.getBoundingClientRect().right > table.parentElement.getBoundingClientRect().right + 1 && window.getComputedStyle(table.parentElement).overflowX === "visible").length);
    if (wide > 0) complain(where, "a table is wider than its frame");
    await page.screenshot({ path: `${out}${screen.name}.${look.name}.png`, fullPage: !screen.view });
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const violation of found.violations) {
      complain(where, "axe", violation.id, `(${violation.impact})`, violation.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | "));
    }
    await page.close();
  }
  await context.close();
}
await browser.close();
await server.close();
console.log(`look: ${problems} problems`);
process.exit(problems === 0 ? 0 : 1);
