// The dotted lines of the sessions chart: one a day, so that their labels do not lie on each other.
import type { ReportSummary } from "../api/client";

type Event = ReportSummary["events"][number];
type OtherKind = Exclude<Event["kind"], "mode">;

// A change of mode is a change of policy too: on its day only the modes are named, in their order.
export function marks_of(events: Event[], days: string[], word: (kind: OtherKind) => string): { day: string; word: string }[] {
  const of_day = new Map<string, Event[]>();
  for (const event of events) {
    const day = event.at.slice(0, 10);
    if (days.includes(day)) of_day.set(day, [...(of_day.get(day) ?? []), event]);
  }
  return [...of_day].map(([day, all]) => {
    const modes = all.flatMap((event) => (event.kind === "mode" ? [event.value] : []));
    const others = all.flatMap((event) => (event.kind === "mode" ? [] : [word(event.kind)]));
    const words = modes.length > 0 ? modes : others;
    return { day, word: [...new Set(words)].join(" → ") };
  });
}
