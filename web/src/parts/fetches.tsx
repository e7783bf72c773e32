// Who has fetched which version of the policy, and until when a copy of it may hold: the fetch log of the policy host.
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useFetches } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Ago, Card, Empty, Failed, Hint, Loading, ModeChip, Table } from "./parts";
import css from "./fetches.module.css";

type Version = Schemas["VersionFetches"];

function VersionSenders({ version }: { version: Version }) {
  const { t } = useTranslation();
  const format = useFormats();
  const rest = version.senders_total - version.senders.length;
  return (
    <section className={css.version} data-testid="fetch-version" data-version={version.version} data-complete={String(version.complete)}>
      <h3 className={css.head}>
        <span>{t("panel.fetches.version", { version: version.version })}</span>
        <ModeChip mode={version.mode} />
        <code translate="no">{version.policy_id}</code>
      </h3>
      {version.senders.length === 0 ? (
        <Empty>{t("panel.fetches.none")}</Empty>
      ) : (
        <Table
          caption={t("panel.fetches.title")}
          rows={version.senders}
          rowKey={(s) => `${s.sender} ${s.networks.join(" ")}`}
          rowProps={(s) => ({ "data-testid": "fetch-sender", "data-sender": s.sender, "data-kind": s.kind })}
          columns={[
            { head: t("panel.fetches.sender"), label: "", cell: (s) => <Hint label={t(`words.sender_kind.${s.kind}`)}>{s.name}</Hint> },
            { head: t("panel.fetches.networks"), cell: (s) => (s.networks.length === 0 ? "–" : <span className={css.networks}>{s.networks.join(", ")}</span>) },
            { head: t("panel.fetches.fetches"), cell: (s) => format.number(s.fetches) },
            { head: t("panel.fetches.last"), cell: (s) => <Ago iso={s.last} /> },
            { head: t("panel.fetches.holds"), cell: (s) => (s.may_hold_until === null ? "–" : format.date(s.may_hold_until)) },
          ]}
        />
      )}
      {rest > 0 && <p className={css.note}>{t("panel.fetches.more", { count: rest })}</p>}
    </section>
  );
}

export function Fetches({ domain }: { domain: string }) {
  const { t } = useTranslation();
  const format = useFormats();
  const fetches = useFetches(domain);
  const data = fetches.data;
  const complete = data?.complete_since != null && data.gaps.length === 0;
  // What can no longer be held is history; the two newest are always shown.
  const shown = data?.versions.filter((version, i) => i < 2 || (version.held_until !== null && Date.parse(version.held_until) > Date.now()));
  return (
    <Card title={t("panel.fetches.title")} note={t("panel.fetches.note")} testid="fetches" flush>
      {fetches.isError && <Failed error={fetches.error} retry={() => void fetches.refetch()} />}
      {fetches.isPending && <Loading height={120} />}
      {data && (
        <p className={css.note}>
          {complete && data.complete_since !== null ? t("panel.fetches.complete", { date: format.date(data.complete_since) }) : t("panel.fetches.partial")}{" "}
          {data.held_until === null ? t("panel.fetches.nobody") : t("panel.fetches.all", { date: format.date(data.held_until) })}
        </p>
      )}
      {shown?.map((version) => <VersionSenders key={version.version} version={version} />)}
    </Card>
  );
}
