import { expect, test } from "vitest";
import { enforced_between, enforced_when_failing } from "./enforced";

const versions = [
  { mode: "testing" as const, body_since: "2026-11-24T08:00:00Z", held_until: null },
  { mode: "enforce" as const, body_since: "2026-11-13T08:00:00Z", held_until: "2026-12-01T08:00:00Z" },
  { mode: "testing" as const, body_since: "2026-11-03T08:00:00Z", held_until: "2026-11-14T08:00:00Z" },
];

test("what failed before the policy was enforced was delivered", () => {
  expect(enforced_between(versions, "2026-11-03", "2026-11-12")).toBe(false);
  expect(enforced_between(versions, "2026-12-02", "2026-12-09")).toBe(false);
});

test("what failed while senders could enforce was not, whatever the mode is today", () => {
  expect(enforced_between(versions, "2026-11-03", "2026-11-23")).toBe(true);
  expect(enforced_between(versions, "2026-11-25", "2026-11-25")).toBe(true); // a copy is still held
  expect(enforced_between([{ mode: "enforce", body_since: "2026-11-13T08:00:00Z", held_until: null }], "2026-11-30", "2026-11-30")).toBe(true);
});

test("only the days with failures count", () => {
  const days = [
    { day: "2026-11-05", failed: 3 },
    { day: "2026-11-15", failed: 0 },
    { day: "2026-11-16", failed: null },
  ];
  expect(enforced_when_failing(versions, days)).toBe(false);
  expect(enforced_when_failing(versions, [...days, { day: "2026-11-17", failed: 1 }])).toBe(true);
});
