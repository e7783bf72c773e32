// How a domain stands, decided once for the list, the domain page and the sentence on top of it. Pure.
import type { Domain, State } from "../api/client";
import type { IconName } from "./icons";

export type Tone = "green" | "blue" | "grey" | "amber" | "red";
export type Standing = "protected" | "testing" | "needs-you" | "moving-in" | "off";

export function standing(d: Domain): Standing {
  if (d.attention) return "needs-you";
  switch (d.state) {
    case "enforce":
      return "protected";
    case "testing":
    case "ready":
      return "testing";
    case "pending":
      // A record that is in the way needs its owner; one that is not there yet only time.
      return d.records.some(inTheWay) ? "needs-you" : "moving-in";
    case "verified":
    case "certificate":
      return "moving-in";
    case "monitored":
      return d.mode === "enforce" ? "protected" : d.mode === "testing" ? "testing" : "off";
    case "retiring":
    case "gone":
    case "paused":
      return "off";
  }
}

export function inTheWay(record: Domain["records"][number]): boolean {
  return !record.seen && record.problem_code !== null && !["not-found", "resolver-stale", "timeout"].includes(record.problem_code);
}

/** Red is kept for mail that is refused or unprotected against the owner's will. */
export function tone(d: Domain): Tone {
  switch (standing(d)) {
    case "protected":
      return "green";
    case "testing":
      return "blue";
    case "needs-you":
      return d.attention?.severity === "error" ? "red" : "amber";
    case "moving-in":
    case "off":
      return "grey";
  }
}

export const toneIcon: Record<Tone, IconName> = { green: "shield", blue: "flask", grey: "off", amber: "alert", red: "stop" };

/** The strip of the domain page: the way in. States off that way stand for a step of their own at its end. */
export const way: Step[] = ["pending", "verified", "certificate", "testing", "ready", "enforce"];

export type Step = Exclude<State, "paused" | "monitored">;
export function strip(state: Step): { step: Step; place: "done" | "here" | "ahead" }[] {
  const steps: Step[] = state === "retiring" || state === "gone" ? ["enforce", "retiring", "gone"] : way;
  const here = steps.indexOf(state);
  return steps.map((step, i) => ({ step, place: i < here ? "done" : i === here ? "here" : "ahead" }));
}

export const hasPolicy = (d: Domain) => d.policy_id !== null && d.state !== "monitored" && d.state !== "gone";

export function metConditions(d: Domain): { met: number; total: number } | null {
  if (!d.readiness) return null;
  return { met: d.readiness.conditions.filter((c) => c.status === "ok").length, total: d.readiness.conditions.length };
}

export function testingDays(d: Domain): { days: number; required_days: number } | null {
  const data = d.readiness?.conditions.find((c) => c.id === "testing-days")?.data;
  return data?.days !== undefined && data.required_days !== undefined ? { days: data.days, required_days: data.required_days } : null;
}

/** Sessions of the whole week, of the one policy type that the week is about. */
export function weekTotal(d: Domain): { ok: number; failed: number } {
  return d.week.days.reduce((sum, day) => ({ ok: sum.ok + (day.ok ?? 0), failed: sum.failed + (day.failed ?? 0) }), { ok: 0, failed: 0 });
}
