// "What would have been refused had I enforced?": sessions per day, by sender, by cause, from trusted reports.
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useFormats } from "../i18n/format";
import { Card, Empty, Table, Words } from "./parts";
import css from "../screens/domain.module.css";
import { resultType } from "./sessions";

export function WouldRefuse({ found, enforced }: { found: Schemas["WouldRefuse"]; enforced: boolean }) {
  const { t } = useTranslation();
  const format = useFormats();
  const refusing_days = found.days.filter((d) => d.refused > 0);
  const senders = found.senders.slice(0, 10);
  const cause = (type: string) => {
    const kind = resultType(type);
    return kind === "unknown" ? type : t(`result.${kind}.title`);
  };
  const share = { refused: format.number(found.refused), sessions: format.number(found.sessions), count: found.sessions };
  return (
    <Card title={t(enforced ? "panel.would_refuse.title_enforced" : "panel.would_refuse.title")} note={found.since === null ? undefined : t("panel.would_refuse.since", { date: format.date(found.since) })} testid="would-refuse">
      {found.sessions === 0 ? (
        <Empty>{t("panel.would_refuse.none")}</Empty>
      ) : (
        <>
          <p className={found.refused === 0 ? css.good : css.bad} data-testid="would-refuse-total" data-refused={found.refused} data-sessions={found.sessions}>
            <Words>{t("panel.would_refuse.total", share)}</Words>
          </p>
          {found.causes.length > 0 && (
            <Table
              caption={t("panel.would_refuse.causes")}
              rows={found.causes}
              rowKey={(c) => `${c.type} ${c.mx_host ?? ""}`}
              columns={[
                { head: t("panel.would_refuse.cause"), cell: (c) => cause(c.type) },
                { head: t("panel.mx.host"), cell: (c) => (c.mx_host === null ? "–" : <code translate="no">{c.mx_host}</code>) },
                { head: t("panel.would_refuse.sessions"), right: true, cell: (c) => format.number(c.sessions) },
              ]}
            />
          )}
          {refusing_days.length > 0 && (
            <Table
              caption={t("panel.would_refuse.days")}
              rows={refusing_days}
              rowKey={(d) => d.day}
              columns={[
                { head: t("panel.would_refuse.day"), cell: (d) => format.date(`${d.day}T00:00:00Z`) },
                { head: t("panel.would_refuse.refused"), right: true, cell: (d) => format.number(d.refused) },
                { head: t("panel.would_refuse.sessions"), right: true, cell: (d) => format.number(d.sessions) },
              ]}
            />
          )}
          <Table
            caption={t("panel.would_refuse.senders")}
            rows={senders}
            rowKey={(s) => s.sender}
            columns={[
              { head: t("panel.reports.sender"), cell: (s) => s.sender || "–" },
              { head: t("panel.would_refuse.refused"), right: true, cell: (s) => format.number(s.refused) },
              { head: t("panel.would_refuse.sessions"), right: true, cell: (s) => format.number(s.sessions) },
            ]}
          />
        </>
      )}
    </Card>
  );
}
