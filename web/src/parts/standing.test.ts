import { describe, expect, it } from "vitest";
import mock from "../../dev/mock-data.json";
import type { DomainDetail } from "../api/client";
import { inTheWay, metConditions, standing, strip, tone, weekTotal } from "./standing";

const domains = mock.domains as unknown as DomainDetail[];
function get(name: string, change: Partial<DomainDetail> = {}): DomainDetail {
  const found = domains.find((d) => d.domain === name);
  if (!found) throw new Error(name);
  return { ...found, ...change };
}

describe("standing and tone", () => {
  const attention = (severity: "warning" | "error") => ({ code: "mx-starttls-missing", severity, host: "mx.example", message: "" });
  it.each([
    ["enforce without findings is protected", get("example.com"), "protected", "green"],
    ["enforce with an error is mail refused: red", get("shop.example"), "needs-you", "red"],
    ["a warning asks for somebody, but mail flows: amber", get("example.com", { attention: attention("warning") }), "needs-you", "amber"],
    ["testing is blue", get("ready.example"), "testing", "blue"],
    ["a record in the way needs its owner", get("new.example"), "needs-you", "amber"],
    ["a record not there yet needs only time", get("new.example", { records: get("shop-two.example").records }), "moving-in", "grey"],
    ["getting a certificate", get("shop-two.example"), "moving-in", "grey"],
    ["retiring is off, not a fault", get("old.example"), "off", "grey"],
    ["a watched domain that enforces is protected", get("partner.example"), "protected", "green"],
    ["a watched domain without a policy is not", get("partner.example", { mode: null }), "off", "grey"],
  ])("%s", (_, domain, wanted, colour) => {
    expect(standing(domain)).toBe(wanted);
    expect(tone(domain)).toBe(colour);
  });
});

describe("records", () => {
  it("tells what is in the way from what is on its way", () => {
    expect(get("new.example").records.map(inTheWay)).toEqual([false, false, true]);
  });
});

describe("the strip", () => {
  it("shows the way in", () => {
    expect(strip("testing").map((s) => s.place)).toEqual(["done", "done", "done", "here", "ahead", "ahead"]);
  });
  it("shows the way out apart", () => {
    expect(strip("retiring").map((s) => s.step)).toEqual(["enforce", "retiring", "gone"]);
  });
});

describe("sums", () => {
  it("take a day without a report as nothing known, not as a day with zero", () => {
    expect(weekTotal(get("xn--80a1acny.xn--p1ai"))).toEqual({ ok: 5519, failed: 0 });
  });
  it("count conditions", () => {
    expect(metConditions(get("xn--80a1acny.xn--p1ai"))).toEqual({ met: 3, total: 4 });
    expect(metConditions(get("new.example"))).toBeNull();
  });
});
