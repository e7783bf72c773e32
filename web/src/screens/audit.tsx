// Who changed what, newest first.
import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useAudit } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Card, Empty, Failed, Table, useTitle } from "../parts/parts";
import css from "./domain.module.css";

export function Audit() {
  const { t } = useTranslation();
  const format = useFormats();
  const audit = useAudit();
  useTitle(t("panel.nav.audit"));
  return (
    <div className={css.grid} data-testid="audit">
      <h1>{t("panel.nav.audit")}</h1>
      <Card flush>
        {audit.isPending && <Skeleton height={120} m={20} />}
        {audit.isError && <Failed error={audit.error} retry={() => void audit.refetch()} />}
        {audit.data?.entries.length === 0 && <Empty>{t("panel.audit.none")}</Empty>}
        {audit.data && audit.data.entries.length > 0 && (
          <Table
            caption={t("panel.nav.audit")}
            rows={audit.data.entries}
            rowKey={(e) => e.id}
            rowProps={(e) => ({ "data-testid": "audit-row", "data-action": e.action })}
            columns={[
              { head: t("panel.audit.when"), cell: (e) => <time dateTime={e.at} title={format.exact(e.at)}>{format.dateTime(e.at)}</time> },
              { head: t("panel.audit.who"), cell: (e) => (e.actor.kind === "user" ? e.actor.name : e.actor.kind === "cli" ? t("panel.audit.cli", { name: e.actor.name }) : t("panel.audit.system")) },
              { head: t("panel.audit.action"), cell: (e) => <code translate="no">{e.action}</code> },
              { head: t("panel.list.domain"), cell: (e) => (e.domain === null ? "–" : <Link to="/domains/$domain" params={{ domain: e.domain }}>{e.domain}</Link>) },
              {
                head: t("panel.audit.change"),
                cell: (e) => (
                  <>
                    {e.from === null && e.to === null ? "–" : [e.from, e.to].filter((v) => v !== null).join(" → ")}
                    {e.reason !== null && <div className={css.dim}>{t("panel.audit.reason", { reason: e.reason })}</div>}
                  </>
                ),
              },
            ]}
          />
        )}
      </Card>
    </div>
  );
}
