import { describe, expect, it } from "vitest";
import { daysUntil, formats, okPercent } from "./format";

const spaced = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, "_");

describe("okPercent", () => {
  it.each([
    ["nothing known", 0, 0, null],
    ["all well", 5, 0, 100],
    ["one failed among a million is not 100 %", 999_999, 1, 99.99],
    ["all failed", 0, 3, 0],
  ])("%s", (_, ok, failed, wanted) => {
    expect(okPercent(ok, failed)).toBe(wanted);
  });
});

describe("formats", () => {
  const en = formats("en");
  const ru = formats("ru");
  it("writes numbers as each language does", () => {
    expect(spaced(en.number(14_210))).toBe("14,210");
    expect(spaced(ru.number(14_210))).toBe("14_210");
    expect(spaced(en.percent(99.98))).toBe("99.98_%");
    expect(spaced(ru.percent(99.98))).toBe("99,98_%");
  });
  it("writes spans by days, and within one day by the clock with its zone", () => {
    expect(spaced(en.range("2020-03-03T12:05:00Z", "2020-03-05T12:07:00Z"))).toMatch(/^3.+5 March 2020$/);
    expect(spaced(ru.range("2020-03-03T12:05:00Z", "2020-03-05T12:07:00Z"))).toMatch(/^3.+5 марта 2020/);
    expect(en.range("2020-03-03T12:05:00Z", "2020-03-03T12:07:00Z")).toMatch(/^3 Mar.*, \d\d:05.+\d\d:07 (UTC|GMT)/);
    expect(en.dateTime("2020-03-03T12:05:00Z")).toMatch(/^3 Mar, \d\d:05 (UTC|GMT)/);
  });
  it("writes durations in the unit that fits", () => {
    expect(spaced(en.duration(20))).toBe("20_seconds");
    expect(spaced(ru.duration(300))).toBe("5_минут");
    expect(spaced(en.duration(604_800))).toBe("7_days");
  });
  it("writes days without a year only within this one", () => {
    const year = new Date().getUTCFullYear();
    expect(en.date(`${String(year)}-03-03T12:00:00Z`)).toBe("3 March");
    expect(ru.date(`${String(year)}-03-03T12:00:00Z`)).toBe("3 марта");
    expect(en.date("2020-03-03T12:00:00Z")).toBe("3 March 2020");
  });
  it("keeps the UTC day of a report", () => {
    expect(en.utcDay("2026-11-03")).toBe("3 Nov");
    expect(en.utcDay("2026-11-03T23:59:59Z")).toBe("3 Nov");
  });
  it("says how long ago", () => {
    const now = Date.parse("2026-11-24T09:00:00Z");
    expect(en.ago("2026-11-24T08:59:48Z", now)).toBe("12 sec ago");
    expect(ru.ago("2026-11-24T07:00:00Z", now)).toBe("2 ч назад");
    expect(en.ago("2026-11-24T09:00:30Z", now)).toBe("0 sec ago"); // another machine's clock may be ahead
  });
  it("says how long", () => {
    expect(spaced(en.duration(300))).toBe("5_minutes");
    expect(spaced(en.duration(3600))).toBe("1_hour");
    expect(spaced(ru.duration(2_592_000))).toBe("30_дней");
  });
});

describe("daysUntil", () => {
  it("counts whole days only", () => {
    expect(daysUntil("2026-11-26T08:59:00Z", Date.parse("2026-11-24T09:00:00Z"))).toBe(1);
    expect(daysUntil("2026-11-21T09:00:00Z", Date.parse("2026-11-24T09:00:00Z"))).toBe(-3);
  });
});
