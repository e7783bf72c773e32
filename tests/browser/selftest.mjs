import { play } from "./lib.mjs";

play(async (page, values, shot) => {
  await page.goto(values.url);
  await shot("selftest");
  return { heading: await page.locator("h1").innerText() };
});
