// The few words that say how a domain stands (list), and the sentence that says it whole (domain page).
import { useTranslation } from "react-i18next";
import type { Domain, DomainDetail } from "../api/client";
import { useFormats } from "../i18n/format";
import { inTheWay, standing, testingDays } from "./standing";

type AttentionKey = "finding.attention.mx-not-in-policy.short";

export function useAttentionText(): (d: Domain, part: "short" | "long") => string {
  const { t, i18n } = useTranslation();
  return (d, part) => {
    if (!d.attention) return "";
    // Under `testing` nothing is refused, only reported.
    const testing = `finding.attention.${d.attention.code}.testing`;
    const key = part === "long" && d.mode === "testing" && i18n.exists(testing) ? testing : `finding.attention.${d.attention.code}.${part}`;
    return i18n.exists(key) ? t(key as AttentionKey, { host: d.attention.host ?? "" }) : d.attention.message;
  };
}

export function useStateLine(): (d: Domain) => string {
  const { t } = useTranslation();
  const format = useFormats();
  const attention = useAttentionText();
  return (d) => {
    if (d.attention) return attention(d, "short");
    if (d.pending_mode !== null) return t("panel.line.changing", { mode: d.pending_mode });
    switch (d.state) {
      case "pending":
        return standing(d) === "needs-you" ? t("panel.line.record_in_the_way") : t("panel.line.records", { seen: d.records.filter((r) => r.seen).length, total: d.records.length });
      case "testing": {
        const days = testingDays(d);
        if (!days) return t("words.state.testing");
        const failed = d.readiness?.conditions.some((c) => c.status === "failed" && c.id !== "testing-days") ?? false;
        return failed ? t("panel.line.testing_failing", days) : t("panel.line.testing", days);
      }
      case "enforce":
        return t("panel.line.healthy");
      case "retiring":
        return d.cnames_until === null ? t("words.state.retiring") : t("panel.line.keep_cnames", { date: format.date(d.cnames_until) });
      default:
        return t(`words.state.${d.state}`);
    }
  };
}

/** What stands on top of the domain page: how things are, and what to do next. */
export function useAnswer(): (d: DomainDetail) => string {
  const { t } = useTranslation();
  const format = useFormats();
  const attention = useAttentionText();

  function yesterday(d: DomainDetail): string {
    const last = d.week.days.at(-1);
    if (!last || last.ok === null || last.failed === null) return d.reports.received === 0 ? t("panel.answer.no_reports_yet") : t("panel.answer.no_report_yesterday");
    const all = format.number(last.ok + last.failed);
    return last.failed === 0 ? t("panel.answer.yesterday_clean", { all }) : t("panel.answer.yesterday_failed", { count: last.failed, failed: format.number(last.failed), all });
  }

  return (d) => {
    const domain = d.domain_unicode;
    if (d.attention) return attention(d, "long");
    if (d.pending_mode !== null) return t("panel.answer.changing", { mode: d.pending_mode });
    switch (d.state) {
      case "pending":
        return standing(d) === "needs-you" ? t("panel.answer.record_in_the_way", { count: d.records.filter(inTheWay).length }) : t("panel.answer.pending", { count: d.records.filter((r) => !r.seen).length });
      case "verified":
      case "certificate":
        return t("panel.answer.certificate");
      case "testing": {
        const days = testingDays(d);
        return [t("panel.answer.testing", { domain }), days && days.days < days.required_days ? t("panel.answer.testing_left", { count: days.required_days - days.days }) : "", yesterday(d)].filter(Boolean).join(" ");
      }
      case "ready":
        return t("panel.answer.ready", { domain });
      case "enforce":
        return [t("panel.answer.enforce", { domain }), yesterday(d)].join(" ");
      case "retiring":
        return d.cnames_until === null ? t("panel.answer.retiring_unknown") : t("panel.answer.retiring", { date: format.date(d.cnames_until) });
      case "gone":
        return t("panel.answer.gone");
      case "paused":
        return t("panel.answer.paused", { domain });
      case "monitored":
        return d.monitored?.problem ?? t("panel.answer.monitored", { domain });
    }
  };
}
