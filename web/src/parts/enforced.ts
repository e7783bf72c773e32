// Whether failures kept mail back depends on the policy that senders held on those days, not on the one of today.
import type { DomainDetail } from "../api/client";

type Held = Pick<DomainDetail["versions"][number], "mode" | "body_since" | "held_until">;

/** A policy in enforce was served, or a copy of one may have been held, on a day from `first` to `last` (YYYY-MM-DD, UTC). */
export function enforced_between(versions: Held[], first: string, last: string): boolean {
  return versions.some((v) => v.mode === "enforce" && v.body_since.slice(0, 10) <= last && (v.held_until === null || v.held_until.slice(0, 10) >= first));
}

/** The same for the days of a chart on which anything failed. */
export function enforced_when_failing(versions: Held[], days: { day: string; failed: number | null }[]): boolean {
  const failing = days.filter((d) => (d.failed ?? 0) > 0).map((d) => d.day);
  return failing.some((day) => enforced_between(versions, day, day));
}
