// Who changed what, newest first.
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useAudit } from "../api/queries";
import { useFormats, type Formats } from "../i18n/format";
import { Card, Empty, Failed, Loading, Table, useTitle, Words } from "../parts/parts";
import css from "./domain.module.css";

type ActionKey = "panel.audit.actions.domain-add";
type ValueKey = "panel.audit.value.label";
type StateKey = "words.state.pending";

/** "domain.policy-mx" in words; what is not known is shown as it was written down. */
export function useAction(): (action: string) => string {
  const { t, i18n } = useTranslation();
  return (action) => {
    const key = `panel.audit.actions.${action.replaceAll(".", "-")}`;
    return i18n.exists(key) ? t(key as ActionKey) : `\`${action}\``;
  };
}

/** "mode=enforce policy_id=2x…" in words; what is not of this form is shown as it was written down. */
export function useValues(format: Formats): (text: string | null) => string | null {
  const { t, i18n } = useTranslation();
  function say(pair: string): string {
    const [name = "", value = ""] = pair.split("=", 2);
    const state = `words.state.${value}`;
    if (name === "state" && i18n.exists(state)) return t(state as StateKey);
    if (name === "mode") return `\`${value}\``;
    const shown = name === "cnames_until" ? format.date(value) : value.replaceAll(",", ", ");
    const key = `panel.audit.value.${name}`;
    return i18n.exists(key) ? t(key as ValueKey, { value: shown }) : pair;
  }
  return (text) => (text === null ? null : text.split(" ").every((pair) => pair.includes("=")) ? text.split(" ").map(say).join(", ") : text);
}

export function Audit() {
  const { t } = useTranslation();
  const format = useFormats();
  const action = useAction();
  const values = useValues(format);
  const audit = useAudit();
  useTitle(t("panel.nav.audit"));
  return (
    <div className={css.grid} data-testid="audit">
      <h1>{t("panel.nav.audit")}</h1>
      <Card flush>
        {audit.isPending && <Loading height={120} />}
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
              { head: t("panel.audit.who"), cell: (e) => (e.actor.kind === "user" ? e.actor.name : e.actor.kind === "cli" ? e.actor.name === "local" ? t("panel.audit.cli_local") : t("panel.audit.cli", { name: e.actor.name }) : t("panel.audit.system")) },
              { head: t("panel.audit.action"), cell: (e) => <Words>{action(e.action)}</Words> },
              { head: t("panel.list.domain"), cell: (e) => (e.domain === null ? "–" : <Link to="/domains/$domain" params={{ domain: e.domain }} title={e.domain}>{e.domain_unicode}</Link>) },
              {
                head: t("panel.audit.change"),
                cell: (e) => (
                  <>
                    <Words>{[values(e.from), values(e.to)].filter((v) => v !== null).join(" → ") || "–"}</Words>
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
