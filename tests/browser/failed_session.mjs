// t-03: the owner looks for what went wrong yesterday.
import { play, signIn } from "./lib.mjs";

play(async (page, values, shot) => {
  await signIn(page, values.link);
  await page.locator(`[data-testid="domain-row"][data-domain="${values.domain}"]`).waitFor();
  await shot("1-domains");
  await page.goto(`${values.origin}/domains/${values.domain}`);
  await page.getByTestId("failure").first().waitFor();
  await shot("2-domain");
  const seen = await page.getByTestId("failure").evaluateAll((rows) =>
    rows.map((row) => ({ type: row.dataset.type, policy_type: row.dataset.policyType, sessions: Number(row.dataset.sessions), text: row.innerText })));
  const figures = page.getByTestId("session-figures").first();
  const sums = { ok: Number(await figures.getAttribute("data-ok")), failed: Number(await figures.getAttribute("data-failed")) };
  await page.getByTestId("open-report").first().click();
  await page.getByTestId("report-failure").first().waitFor();
  await shot("3-report");
  const report = await page.getByTestId("report-failure").evaluateAll((rows) => rows.map((row) => row.dataset.type));
  return { failures: seen, sums, report };
});
