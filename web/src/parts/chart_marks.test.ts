import { expect, test } from "vitest";
import { marks_of } from "./chart_marks";

const days = ["2026-11-13", "2026-11-14"];
const word = (kind: string) => kind;

test("a day has one mark: the modes where the mode changed, else what happened", () => {
  expect(
    marks_of(
      [
        { at: "2026-11-13T08:00:00Z", kind: "mode", value: "testing" },
        { at: "2026-11-13T08:00:00Z", kind: "policy", value: "2x1" },
        { at: "2026-11-13T09:00:00Z", kind: "mode", value: "enforce" },
        { at: "2026-11-14T09:00:00Z", kind: "policy", value: "3x1" },
        { at: "2026-11-14T10:00:00Z", kind: "policy", value: "4x1" },
      ],
      days,
      word,
    ),
  ).toEqual([
    { day: "2026-11-13", word: "testing → enforce" },
    { day: "2026-11-14", word: "policy" },
  ]);
});

test("what lies outside the chart has no mark", () => {
  expect(marks_of([{ at: "2026-10-01T00:00:00Z", kind: "mode", value: "none" }], days, word)).toEqual([]);
});
