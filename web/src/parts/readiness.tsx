// The conditions of the gate to enforce, each with its proof.
import { useTranslation } from "react-i18next";
import type { Condition } from "../api/client";
import { useFormats } from "../i18n/format";
import { Icon } from "./icons";
import { Words } from "./parts";
import css from "./readiness.module.css";

function useProof(): (c: Condition) => string {
  const { t } = useTranslation();
  const format = useFormats();
  return ({ id, status, data, proof }) => {
    switch (id) {
      case "testing-days":
        return data.days !== undefined && data.required_days !== undefined ? t("finding.condition.testing-days.proof", { count: data.days, required: data.required_days }) : proof;
      case "reports-clean":
        if (data.senders === undefined || data.sessions === undefined || data.refused_sessions === undefined) return proof;
        if (status === "unknown") return t("finding.condition.reports-clean.unknown");
        return [
          t("finding.condition.reports-clean.senders", { count: data.senders, sessions: format.number(data.sessions) }),
          data.refused_sessions === 0 ? t("finding.condition.reports-clean.none_refused") : t("finding.condition.reports-clean.refused", { count: data.refused_sessions, refused: format.number(data.refused_sessions) }),
        ].join(" ");
      case "no-drift": {
        const hosts = data.hosts ?? [];
        if (status === "unknown") return t("finding.condition.unknown");
        return status === "ok" ? t("finding.condition.no-drift.ok") : hosts.length === 0 ? t("finding.condition.no-drift.bogus") : t("finding.condition.no-drift.failed", { hosts: format.list(hosts) });
      }
      case "mx-probes":
      case "mx-in-policy": {
        if (data.hosts_total === undefined) return proof;
        const hosts = data.hosts ?? [];
        if (status === "unknown") return t("finding.condition.unknown");
        return hosts.length === 0 ? t(`finding.condition.${id}.ok`, { count: data.hosts_total }) : t(`finding.condition.${id}.failed`, { hosts: format.list(hosts) });
      }
    }
  };
}

export function Conditions({ conditions, testid }: { conditions: Condition[]; testid?: string }) {
  const { t } = useTranslation();
  const proof = useProof();
  return (
    <ul className={css.list} data-testid={testid ?? "readiness"}>
      {conditions.map((c) => (
        <li key={c.id} className={css.item} data-testid="condition" data-id={c.id} data-status={c.status}>
          <span className={css.icon} data-status={c.status}>
            <Icon name={c.status === "ok" ? "check" : c.status === "failed" ? (c.id === "testing-days" ? "clock" : "cross") : "dots"} />
          </span>
          <div>
            <span className="visually-hidden">{t(`words.condition.${c.status}`)} </span>
            <Words>{t(`finding.condition.${c.id}.title`)}</Words>
            <div className={css.proof}>
              <Words>{proof(c)}</Words>
            </div>
            {c.id === "testing-days" && c.status !== "ok" && c.data.days !== undefined && c.data.required_days !== undefined && c.data.required_days > 0 && (
              <div className={css.bar}>
                <i style={{ width: `${String(Math.min(100, (c.data.days / c.data.required_days) * 100))}%` }} />
              </div>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
